export { Logo } from './Logo';

/** Sizes and stroke of the icons, by place. */
export const iconStroke = 1.7;
export const iconSize = { tool: 19, navigation: 18, button: 16, phone: 22 } as const;
