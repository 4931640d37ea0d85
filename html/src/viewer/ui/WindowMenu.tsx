import { Menu } from '@mantine/core';
import { IconAdjustmentsHorizontal } from '@tabler/icons-react';
import { useTranslation } from '../../shared/i18n';
import type { CellState } from '../control/cellState';
import { useSelected, useStore } from '../control/store';
import { formatWindowNumber } from '../model/numbers';
import { frameAt, isColour, sameImage } from '../model/series';
import { distinctRecommendations, equalRecommendation, recommendation, scopeOf, sharedWindow, voiFunction, type WindowScope } from '../model/seriesWindow';
import { presetsFor, sameWindow, type Window, type WidthLevel, windowValues } from '../model/windowing';
import { Choice } from './Choice';
import { useViewer } from './context';
import { recommendedName, type Translate, windowName, windowScope } from './corners';
import { FamilyMenu } from './ToolButton';

/** The list of windows: the image's own, the whole range, organs for CT, numbers. */
export function WindowMenu() {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { active } = useStore(viewer.store);
  const name = useSelected(viewer.cell(active).store, (state) => closedName(state, t as Translate));
  return (
    <FamilyMenu label={t('window.list')} text={name || t('window.own')} width={344}>
      <WindowItems />
    </FamilyMenu>
  );
}

/** The name of the chosen window, with whose it is where windows of the series and of its images differ: "Recommended · image". */
function closedName(state: CellState, t: Translate): string {
  const scope = windowScope(state);
  return [windowName(state, t), scope === null ? '' : t(scope === 'series' ? 'corner.ofSeries' : 'corner.ofImage')].filter((part) => part !== '').join(' · ');
}

export function WindowItems() {
  const { t } = useTranslation('viewer');
  const { viewer, locale, openWindowDialog } = useViewer();
  const { active } = useStore(viewer.store);
  const cell = viewer.cell(active);
  const state = useStore(cell.store);
  const frame = frameAt(state.detail, state.reference.image);
  if (frame !== null && isColour(frame)) return <Menu.Label>{t('window.colour')}</Menu.Label>;
  const { data } = state;
  const choose = (window: Window, presetId: string | null) => (at: number) => cell.change({ data: { window, presetId } }, at, false);
  const pair = (values: WidthLevel): string =>
    `${formatWindowNumber(values.width, values.width, locale)} / ${formatWindowNumber(values.center, values.width, locale)}`;
  const entry = (key: string, label: string, hint: string, chosen: boolean, run: (at: number) => void) => (
    <Choice key={key} chosen={chosen} label={label} hint={hint} onChoose={run} />
  );
  // Images that share no window have only their own; of a single image there is nothing to tell apart.
  const scopes: readonly WindowScope[] = sharedWindow(state.detail, frame) === null ? ['image'] : ['series', 'image'];
  const isSingle = scopeOf(state.detail, state.reference.image, 'image') === null;
  const recommended = scopes.flatMap((scope) => {
    const found = recommendation(state.detail, state.reference.image, scope);
    const windows = found?.windows ?? [];
    const places = found === null ? [] : distinctRecommendations(found);
    const own = places.length;
    return (own === 0 ? [0] : places).map((index, order) => {
      const window = windows[index];
      const name = own < 2 ? '' : recommendedName(state, index, scope);
      const plain = name || (own < 2 ? t('window.recommended') : t('window.recommendedNumber', { number: order + 1 }));
      const label = isSingle ? plain : t(scope === 'series' ? 'window.ofSeries' : 'window.ofImage', { name: plain });
      const isScope = scopes.length < 2 || (data.window.kind === 'recommended' && (data.window.scope ?? 'series') === scope);
      const chosen = data.window.kind === 'recommended' && (found === null ? 0 : equalRecommendation(found, data.window.index ?? 0)) === index && isScope;
      const hint = window === undefined ? t(own > 0 ? 'window.table' : 'window.fromImage') : pair(window);
      return entry(`${scope}-${index}`, label, hint, chosen, choose({ kind: 'recommended', index, scope: scopes.length < 2 ? cell.recommendedScope : scope }, null));
    });
  });
  const known = state.range !== null && sameImage(state.range.image, state.reference.image ?? state.shown?.image ?? null) ? state.range : null;
  const written = (value: number): string => formatWindowNumber(value, known === null ? 1 : known.high - known.low, locale);
  const range = known === null ? '' : t('window.range', { low: written(known.low), high: written(known.high) });
  const presets = presetsFor(state.detail?.modality ?? '');
  return (
    <>
      {recommended}
      {entry('full', t('window.fullDynamic'), range, data.window.kind === 'full_dynamic', choose({ kind: 'full_dynamic' }, null))}
      {presets.length > 0 && <Menu.Divider />}
      {presets.map((preset) => {
        const window = windowValues(preset, voiFunction(state.detail, state.reference.image));
        const chosen = data.presetId === preset.id && sameWindow(data.window, window);
        return entry(preset.id, t(`preset.${preset.id}` as never), pair(preset), chosen, choose(window, preset.id));
      })}
      <Menu.Divider />
      <Menu.Item leftSection={<IconAdjustmentsHorizontal size={16} aria-hidden />} onClick={openWindowDialog}>
        {t('window.set')}
      </Menu.Item>
    </>
  );
}
