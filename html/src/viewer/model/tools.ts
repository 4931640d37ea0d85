/** The held tools: what dragging with a mouse button may do. */

export const tools = ['window', 'pan', 'zoom', 'scroll', 'rotate'] as const;
export type Tool = (typeof tools)[number];
