import { Menu, Modal, Popover, UnstyledButton } from '@mantine/core';
import { IconArrowBackUp, IconEraser, IconListDetails, IconTrash } from '@tabler/icons-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { iconSize, iconStroke } from '../../../shared/icons';
import { useSelected, useStore } from '../../control/store';
import type { MouseButton } from '../../control/viewer';
import { toolKeys } from '../../input/actions';
import type { MeasureTool, Tool } from '../../model/tools';
import { useViewer } from '../../ui/context';
import { toolIcons } from '../../ui/icons';
import { FamilyMenu, keepFocus, ToolButton } from '../../ui/ToolButton';
import toolbar from '../../ui/Toolbar.module.css';
import { measuringOf } from '../control/measureOf';
import type { Place } from '../model/place';
import { MeasureList, type MeasureListProps } from './MeasureList';

/** Members of a family of the bar: the button shows the last one chosen. */
export const measureFamilies = {
  length: ['ruler', 'polyline'],
  angle: ['angle', 'cobb'],
  region: ['ellipse', 'rectangle', 'polygon'],
} as const satisfies Readonly<Record<string, readonly MeasureTool[]>>;
type FamilyName = keyof typeof measureFamilies;

const LETTERS: Readonly<Record<MouseButton, string>> = { left: 'L', middle: 'M', right: 'R' };

export interface MeasureToolsProps extends MeasureListProps {
  /** Which mouse button drives which tool; tools of other pages stay with them. */
  bindings: Readonly<Record<MouseButton, string>>;
  bind: (button: MouseButton, tool: Tool) => void;
  /** What the active window shows: what "this image" means. */
  place: () => Place | null;
}

/** The measuring part of a tool bar: rulers, angles, regions, point value; deleting and the list, where those do not stand elsewhere (`compact`). */
export function MeasureTools({ compact = false, ...props }: MeasureToolsProps & { compact?: boolean }) {
  const { t } = useTranslation('viewer');
  const { bindings, bind } = props;
  const button = (tool: MeasureTool) => {
    const buttons = (['left', 'middle', 'right'] as const).filter((one) => bindings[one] === tool);
    const letter = buttons.map((one) => LETTERS[one]).join('');
    return (
      <ToolButton
        icon={toolIcons[tool]}
        label={t(`tool.${tool}`)}
        shortcut={toolKeys[tool]}
        pressed={buttons.length > 0}
        letter={letter === '' ? undefined : letter}
        onPress={() => bind('left', tool)}
        onOtherButton={(one) => bind(one, tool)}
      />
    );
  };
  return (
    <>
      {(Object.keys(measureFamilies) as FamilyName[]).map((name) => (
        <Family key={name} name={name} bindings={bindings} bind={bind} button={button} />
      ))}
      {button('point')}
      {!compact && <MeasureEditTools {...props} />}
    </>
  );
}

/** Deleting and the list alone: a family that a narrow bar may fold before the rulers. */
export function MeasureEditTools(props: MeasureToolsProps) {
  return (
    <>
      <DeleteTool {...props} />
      <ListTool {...props} />
    </>
  );
}

interface FamilyProps extends Pick<MeasureToolsProps, 'bindings' | 'bind'> {
  name: FamilyName;
  button: (tool: MeasureTool) => ReactNode;
}

function Family({ name, bindings, bind, button }: FamilyProps) {
  const { t } = useTranslation('viewer');
  const members: readonly MeasureTool[] = measureFamilies[name];
  const [last, setLast] = useState<MeasureTool>(members[0] as MeasureTool);
  const { left } = bindings;
  useEffect(() => {
    const chosen = members.find((one) => one === left);
    if (chosen !== undefined) setLast(chosen);
  }, [left, members]);
  return (
    <>
      {button(last)}
      <FamilyMenu label={t(`measure.family.${name}`)}>
        {members.map((tool) => (
          <ToolItem key={tool} tool={tool} onChoose={() => bind('left', tool)} />
        ))}
      </FamilyMenu>
    </>
  );
}

function ToolItem({ tool, onChoose }: { tool: MeasureTool; onChoose: () => void }) {
  const { t } = useTranslation('viewer');
  const IconOf = toolIcons[tool];
  return (
    <Menu.Item leftSection={<IconOf size={16} />} rightSection={<span data-hint="">{toolKeys[tool] ?? ''}</span>} onClick={onChoose}>
      {t(`tool.${tool}`)}
    </Menu.Item>
  );
}

/** The same as entries, for More. */
export function MeasureItems(props: MeasureToolsProps) {
  const { bind } = props;
  return (
    <>
      {Object.values(measureFamilies)
        .flat()
        .map((tool) => (
          <ToolItem key={tool} tool={tool} onChoose={() => bind('left', tool)} />
        ))}
      <ToolItem tool="point" onChoose={() => bind('left', 'point')} />
      <Menu.Divider />
      <MeasureEditItems {...props} />
    </>
  );
}

function DeleteTool(props: MeasureToolsProps) {
  const { t } = useTranslation('viewer');
  const { measures } = measuringOf(useViewer().viewer);
  const chosen = useSelected(measures.store, (state) => state.chosen);
  return (
    <>
      <ToolButton
        icon={IconEraser}
        label={t('measure.deleteThis')}
        shortcut="Delete"
        disabled={chosen === null}
        onPress={() => {
          if (chosen !== null) measures.removeOne(chosen);
        }}
      />
      <FamilyMenu label={t('measure.family.delete')} width={260}>
        <MeasureEditItems {...props} />
      </FamilyMenu>
    </>
  );
}

/** Deleting, undo and the list as entries. */
export function MeasureEditItems({ place, seriesId }: MeasureToolsProps) {
  const { t } = useTranslation('viewer');
  const { measures } = measuringOf(useViewer().viewer);
  const { chosen, items } = useStore(measures.store);
  const here = place();
  return (
    <>
      <Menu.Item
        leftSection={<IconTrash size={16} />}
        rightSection={<span data-hint="">Del</span>}
        disabled={chosen === null}
        onClick={() => {
          if (chosen !== null) measures.removeOne(chosen);
        }}
      >
        {t('measure.deleteThis')}
      </Menu.Item>
      <Menu.Item leftSection={<IconEraser size={16} />} disabled={here === null} onClick={() => here !== null && measures.removeAllOf(here)}>
        {t(here?.kind === 'plane' ? 'measure.deletePlane' : 'measure.deleteImage')}
      </Menu.Item>
      <Menu.Item
        leftSection={<IconEraser size={16} />}
        disabled={!items.some((one) => one.place.seriesId === seriesId)}
        onClick={() => seriesId !== null && measures.removeAllOfSeries(seriesId)}
      >
        {t('measure.deleteSeries')}
      </Menu.Item>
      <Menu.Item leftSection={<IconArrowBackUp size={16} />} rightSection={<span data-hint="">Ctrl+Z</span>} disabled={!measures.canUndo} onClick={() => measures.undo()}>
        {t('measure.undo')}
      </Menu.Item>
      <Menu.Item leftSection={<IconListDetails size={16} />} onClick={() => measures.store.set({ listed: true })}>
        {t('measure.list')}
      </Menu.Item>
    </>
  );
}

function ListTool(props: MeasureListProps) {
  const { t } = useTranslation('viewer');
  const { measures } = measuringOf(useViewer().viewer);
  const listed = useSelected(measures.store, (state) => state.listed);
  const [opened, setOpened] = useState(false);
  // In a bar that is too narrow this button is folded away: its entry opens the list as a dialog.
  const close = (): void => measures.store.set({ listed: false });
  return (
    <>
      <Modal opened={listed} onClose={close} title={t('measure.title')} size={420} closeButtonProps={{ 'aria-label': t('common:close') }}>
        {listed && <MeasureList {...props} />}
      </Modal>
      <Popover opened={opened} onChange={setOpened} position="bottom-start" offset={4} trapFocus returnFocus>
        <Popover.Target>
          <UnstyledButton
            className={toolbar.tool}
            data-tool=""
            aria-label={t('measure.list')}
            title={t('measure.list')}
            onMouseDown={keepFocus}
            onClick={() => setOpened((before) => !before)}
          >
            <IconListDetails size={iconSize.tool} stroke={iconStroke} />
          </UnstyledButton>
        </Popover.Target>
        <Popover.Dropdown className={toolbar.menu} aria-label={t('measure.title')}>
          {opened && <MeasureList {...props} />}
        </Popover.Dropdown>
      </Popover>
    </>
  );
}
