/** Longest piece of foreign text shown in a message, in UTF-16 code units. */
const SHOWN = 80;
/** Longer than any quoted text: each of its characters may have become six. */
const PHRASE = 600;

/**
 * Text of unknown origin for a message: in double quotes, cut to 80 characters, everything that is not plain ASCII as
 * `\u…`. A no-break space pasted from a web page becomes visible, and an escape sequence cannot reach the terminal.
 */
export function quote(text: string): string {
  // JSON.stringify escapes C0 controls, quotes and lone surrogates; printable() does the rest.
  return printable(JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text));
}

/** The same for a phrase of ours that has a piece of such text in it: no quotes around it, cut to 600 characters. */
export function printable(phrase: string): string {
  const cut = phrase.length > PHRASE ? `${phrase.slice(0, PHRASE)}…` : phrase;
  return cut.replace(/[^\x20-\x7e…]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
