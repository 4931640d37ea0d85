/** Mantine's theme, made from the tokens. */

import { type ButtonProps, createTheme, type CSSVariablesResolver, type MantineColorsTuple, rem } from '@mantine/core';
import { fixedVariables, tokenVariables } from './tokens';

const accent: MantineColorsTuple = [
  '#E3FAFC', '#C5F6FA', '#99E9F2', '#66D9E8', '#3BC9DB', '#22B8CF', '#15AABF', '#0C8599', '#0B7285', '#095C6B',
];

const space = { xs: rem(4), sm: rem(8), md: rem(12), lg: rem(16), xl: rem(24) };

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: 8,
  colors: { accent },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
  fontSizes: { xs: rem(12), sm: rem(13), md: rem(14), lg: rem(16), xl: rem(20) },
  lineHeights: { xs: rem(16), sm: rem(18), md: rem(20), lg: rem(24), xl: rem(28) },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: rem(24), lineHeight: rem(32) },
      h2: { fontSize: rem(20), lineHeight: rem(28) },
      h3: { fontSize: rem(16), lineHeight: rem(24) },
    },
  },
  spacing: space,
  radius: { xs: rem(4), sm: rem(6), md: rem(8), lg: rem(10), xl: rem(12) },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  focusRing: 'auto',
  respectReducedMotion: true,
  components: {
    Button: {
      defaultProps: { size: 'sm', radius: 'sm' },
      styles: (_theme: unknown, props: ButtonProps) => ({ root: { fontWeight: 500, fontSize: props.size === 'xs' ? rem(13) : rem(14) } }),
    },
    Tooltip: { defaultProps: { openDelay: 500, withArrow: false, events: { hover: true, focus: true, touch: false } } },
    // A dialog's head is no banner of the page.
    Modal: { defaultProps: { radius: 'xl', centered: true, transitionProps: { duration: 120 }, attributes: { header: { role: 'presentation' } } } },
    Drawer: { defaultProps: { transitionProps: { duration: 180 }, attributes: { header: { role: 'presentation' } } } },
    // Without the placeholder the first entry has the focus, not an empty element above it.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, transitionProps: { duration: 120 }, radius: 'md', shadow: 'md' } },
    Popover: { defaultProps: { transitionProps: { duration: 120 }, radius: 'md', shadow: 'md' } },
    Combobox: { defaultProps: { transitionProps: { duration: 120 }, radius: 'md', shadow: 'md' } },
  },
});

/** Maps our tokens onto Mantine's own variables, so that its parts take the design's colours. */
export const cssVariablesResolver: CSSVariablesResolver = () => {
  const common = {
    '--mantine-color-body': 'var(--wv-bg)',
    '--mantine-color-text': 'var(--wv-text)',
    '--mantine-color-bright': 'var(--wv-text)',
    '--mantine-color-dimmed': 'var(--wv-dim)',
    '--mantine-color-placeholder': 'var(--wv-faint)',
    '--mantine-color-anchor': 'var(--wv-accent)',
    '--mantine-color-error': 'var(--wv-danger)',
    '--mantine-color-default': 'var(--wv-raised)',
    '--mantine-color-default-hover': 'var(--wv-hover)',
    '--mantine-color-default-color': 'var(--wv-text)',
    '--mantine-color-default-border': 'var(--wv-border)',
    '--mantine-color-disabled': 'var(--wv-hover)',
    '--mantine-color-disabled-color': 'var(--wv-faint)',
    '--mantine-color-disabled-border': 'var(--wv-border)',
    '--mantine-primary-color-filled': 'var(--wv-fill)',
    '--mantine-primary-color-filled-hover': 'var(--wv-fill-hover)',
    '--mantine-primary-color-light': 'var(--wv-selected)',
    '--mantine-primary-color-light-color': 'var(--wv-accent)',
    '--mantine-color-accent-filled': 'var(--wv-fill)',
    '--mantine-color-accent-filled-hover': 'var(--wv-fill-hover)',
    '--mantine-color-accent-light': 'var(--wv-selected)',
    '--mantine-color-accent-light-color': 'var(--wv-accent)',
    '--mantine-color-accent-outline': 'var(--wv-accent)',
  };
  return {
    variables: fixedVariables,
    light: { ...tokenVariables('light'), ...common },
    dark: { ...tokenVariables('dark'), ...common },
  };
};
