import { expect, it } from 'vitest';
import { parseClientMessage } from '../../shared/protocol/validate';
import { seriesName } from './seriesName';

it.each([
  ['  MPR coronal ', 'MPR coronal'],
  ['one\r\ntwo\tthree', 'one two three'],
  ['a\u001b[31m\u0000b\u0085c\u2028d\u2029e', 'a [31m b c d e'],
  ['half \ud83d of a pair', 'half   of a pair'],
  ['\n\t', ''],
  ['Größe 冠状面', 'Größe 冠状面'],
  ['😀'.repeat(70), '😀'.repeat(64)],
])('%j is called %j', (text, name) => {
  expect(seriesName(text)).toBe(name);
  if (name === '') return;
  const what = { kind: 'make_series', images: { kind: 'turning', width_px: 64, height_px: 64 }, count: 1, series_description: name };
  expect(() => parseClientMessage(JSON.stringify({ type: 'ask', cell: 0, question: 1, what }))).not.toThrow();
});
