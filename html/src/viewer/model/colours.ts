/** Colour tables of PS3.6 Annex B that grey values may be shown in. */

import type { View } from '../../shared/protocol/messages';

export type ColourTable = NonNullable<View['colours']>;

export const GREY: ColourTable = 'grey';

export const colourTables: readonly ColourTable[] = ['grey', 'hot_iron', 'pet', 'hot_metal_blue', 'pet_20_step', 'spring', 'summer', 'fall', 'winter'];
