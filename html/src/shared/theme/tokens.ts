/** The colours of the design, one list for both themes; everything else is made from these. */

export const dark = {
  bg: '#0D1012',
  panel: '#14181B',
  raised: '#1C2226',
  hover: '#252C31',
  selected: '#10333A',
  border: '#2B3338',
  control: '#71808A',
  text: '#E8ECEF',
  dim: '#9FABB4',
  faint: '#8D9AA3',
  accent: '#3BC9DB',
  fill: '#0B7285',
  'fill-hover': '#0A6678',
  danger: '#FF8787',
  'danger-fill': '#C92A2A',
  'danger-fill-hover': '#A82323',
  warning: '#FFC94D',
  good: '#69DB9C',
  'note-info': '#10333A',
  'note-warning': '#2B2412',
  'note-danger': '#3A1A1C',
  'note-good': '#12301F',
  shadow: '0 8px 28px rgba(0, 0, 0, 0.55)',
} as const;

export type TokenName = keyof typeof dark;

export const light: Record<TokenName, string> = {
  bg: '#F4F6F7',
  panel: '#FFFFFF',
  raised: '#FFFFFF',
  hover: '#EDF1F3',
  selected: '#DDF3F6',
  border: '#D9E0E4',
  control: '#7C8A94',
  text: '#14202A',
  dim: '#51606B',
  faint: '#5F6D77',
  accent: '#0B7285',
  fill: '#0B7285',
  'fill-hover': '#095C6B',
  danger: '#C92A2A',
  'danger-fill': '#C92A2A',
  'danger-fill-hover': '#A82323',
  warning: '#8A5A00',
  good: '#1E7A46',
  'note-info': '#E1F3F9',
  'note-warning': '#FFF4DB',
  'note-danger': '#FDECEC',
  'note-good': '#E4F5EA',
  shadow: '0 8px 28px rgba(20, 32, 42, 0.18)',
};

/** Colours that stay the same: what lies on black, the planes, the strip of tabs. */
export const fixed = {
  'on-black': '#E8ECEF',
  measurement: '#FFD84D',
  'active-frame': '#3BC9DB',
  'plane-axial': '#FF6B6B',
  'plane-coronal': '#5FD38A',
  'plane-sagittal': '#6EA8FF',
  'strip-bg': '#0A0C0E',
} as const;

/** Badges of modalities: background and text, dark and light. */
export const badges = {
  cyan: { dark: ['#10333A', '#66D9E8'], light: ['#DDF3F6', '#0B6273'] },
  violet: { dark: ['#2A2147', '#B9A5FF'], light: ['#EBE5FB', '#5B3CB0'] },
  amber: { dark: ['#3A2A0E', '#FFC94D'], light: ['#FFEFD0', '#7D4F00'] },
  green: { dark: ['#12301F', '#69DB9C'], light: ['#DFF3E6', '#1A6B3D'] },
  grey: { dark: ['#2B3338', '#C3CCD3'], light: ['#E6EBEE', '#43525D'] },
} as const;

export type BadgeColour = keyof typeof badges;

function variables(values: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`--wv-${name}`, value]));
}

/** The CSS variables of a theme, `--wv-…`. */
export function tokenVariables(scheme: 'light' | 'dark'): Record<string, string> {
  const out = variables(scheme === 'dark' ? dark : light);
  for (const [name, pair] of Object.entries(badges)) {
    out[`--wv-badge-${name}-bg`] = pair[scheme][0];
    out[`--wv-badge-${name}-text`] = pair[scheme][1];
  }
  return out;
}

export const fixedVariables: Record<string, string> = variables(fixed);
