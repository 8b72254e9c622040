/**
 * glob(7) as a regular expression for the whole word: `*` is any run of characters, `?` exactly one, `[a-z]` and `[!a-z]` one of a set.
 * @param slash whether a wildcard matches a slash: no in paths, yes in ids of findings and names of devices
 */
export function globToRegExp(glob: string, { slash }: { readonly slash: boolean }): RegExp {
  const any = slash ? '.' : '[^/]';
  let source = '';
  for (let at = 0; at < glob.length; at += 1) {
    const character = glob[at] ?? '';
    const close = character === '[' ? glob.indexOf(']', at + 2) : -1;
    if (character === '*') source += `${any}*`;
    else if (character === '?') source += any;
    else if (close > 0) {
      const body = glob.slice(at + 1, close).replace(/\\/g, '\\\\');
      source += `[${body.replace(/^!/, '^')}]`;
      at = close;
    } else source += character.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  }
  try {
    return new RegExp(`^${source}$`);
  } catch {
    // A range such as [z-a] is no error to glob(3): it matches nothing.
    return /(?!)/;
  }
}
