/** Colour tables of PS3.6 Annex B that grey values may be shown in. */

import type { View } from '../../shared/protocol/messages';

export type ColourTable = NonNullable<View['colours']>;

export const GREY: ColourTable = 'grey';

export const colourTables: readonly ColourTable[] = ['grey', 'hot_iron', 'pet', 'hot_metal_blue', 'pet_20_step', 'spring', 'summer', 'fall', 'winter'];

/** Every 17th of the 256 entries, dark to bright, for the bar beside a picture; the picture itself is coloured by the server. */
const STOPS: Readonly<Record<Exclude<ColourTable, 'grey' | 'pet_20_step'>, string>> = {
  hot_iron: '000000 220000 440000 660000 880000 aa0000 cc0000 ee0000 ff1000 ff3200 ff5400 ff7600 ff9834 ffba78 ffdcbc ffffff',
  pet: '000000 002221 004543 006765 097687 2b54a9 4d33cb 6e11ed 9010e0 b1329c d35458 f57614 ff9830 ffba75 ffdcba ffffff',
  hot_metal_blue: '000000 000021 000043 000064 000085 0000a7 3200c8 5a0096 8c2032 be4000 ff6000 ff8032 ffa064 ffc096 ffe0c8 ffffff',
  spring: 'ff00ff ff11ee ff22dd ff33cc ff44bb ff55aa ff6699 ff7788 ff8877 ff9966 ffaa55 ffbb44 ffcc33 ffdd22 ffee11 ffff00',
  summer: '00ff00 00f700 00ee00 00e600 00dd00 00d500 00cc00 00c400 00bb12 00b334 00aa55 00a277 009999 0091bb 0088dc 0080fe',
  fall: 'ffff00 ffee00 ffdd00 ffcc00 ffbb00 ffaa00 ff9900 ff8800 ff7700 ff6600 ff5500 ff4400 ff3300 ff2200 ff1100 ff0000',
  winter: '0000ff 0011f7 0022ee 0033e6 0044dd 0055d5 0066cc 0077c4 0988bb 1a99b3 2baaaa 3cbba2 4ccc99 5ddd91 6eee88 7fff80',
};

/** The bands of the table in steps, dark to bright. */
const BANDS = '000000 600050 303050 303070 505080 6060b0 7070c0 8080e0 306030 309030 50c050 40e040 e0e050 d0d060 d0b040 d09000 c06000 b03000 ff0000 ffffff';

/** What a bar beside the picture is filled with, dark below. */
export function barOf(table: ColourTable): string {
  if (table === 'grey') return 'linear-gradient(to top, #000, #fff)';
  if (table === 'pet_20_step') {
    const bands = BANDS.split(' ');
    return `linear-gradient(to top, ${bands.map((colour, index) => `#${colour} ${(index * 100) / bands.length}% ${((index + 1) * 100) / bands.length}%`).join(', ')})`;
  }
  return `linear-gradient(to top, ${STOPS[table].split(' ').map((colour) => `#${colour}`).join(', ')})`;
}
