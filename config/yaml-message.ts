import type { YAMLError } from 'yaml';

/** What is wrong with the YAML, in words of our own: the parser's quote the file, where a secret may stand. */
export function yamlMessage({ code }: Pick<YAMLError, 'code'>): string {
  return messages[code] ?? `is not valid YAML (${code})`;
}

const messages: Partial<Record<YAMLError['code'], string>> = {
  DUPLICATE_KEY: 'the key is given twice',
  TAB_AS_INDENT: 'tabs cannot indent in YAML: use spaces',
  BAD_INDENT: 'is not indented as what is around it, or a bracket before it is not closed',
  BLOCK_AS_IMPLICIT_KEY: 'a second `key:` on one line: put it on a line of its own, or the text in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key needs a colon and has to stand on one line',
  MISSING_CHAR: 'a quote, bracket, colon or comma is missing here',
  MULTIPLE_DOCS: 'a second YAML document begins here: the file may hold only one',
  UNEXPECTED_TOKEN: 'does not belong here',
  BAD_DQ_ESCAPE: 'unknown \\ escape in double quotes: use single quotes, or double the \\',
  TAG_RESOLVE_FAILED: 'YAML tags (!) are not used here',
  BAD_ALIAS: 'a bad alias (*) or anchor (&)',
  BAD_SCALAR_START: 'text that begins like this has to be in quotes',
  KEY_OVER_1024_CHARS: 'the key is longer than 1024 characters, or a colon is missing',
};
