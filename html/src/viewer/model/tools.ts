/** The held tools: what dragging with a mouse button may do. */

export const tools = ['window', 'pan', 'zoom', 'scroll', 'rotate'] as const;
export type HeldTool = (typeof tools)[number];

/** Tools that draw a measurement. */
export const measureTools = ['ruler', 'polyline', 'angle', 'cobb', 'ellipse', 'rectangle', 'polygon', 'point'] as const;
export type MeasureTool = (typeof measureTools)[number];

export type Tool = HeldTool | MeasureTool;

const measuring: ReadonlySet<string> = new Set(measureTools);

export function isMeasureTool(tool: string): tool is MeasureTool {
  return measuring.has(tool);
}
