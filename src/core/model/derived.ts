/** Remembers what was derived from a value for as long as that value lives: 1 000 VIPs must not mean 1 000 scans. */
export function derived<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = make(key);
    known.set(key, made);
    return made;
  };
}
