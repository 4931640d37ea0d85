import { Menu } from '@mantine/core';
import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FrameFlag } from '../../shared/protocol/messages';
import { type PresentationStates, statesFor } from '../model/presentationStates';
import { frameFacts, seriesDetail } from '../testing/series';
import { Stage } from '../testing/stage';
import { CellNotes } from './CellNotes';
import { GraphicsItems } from './GraphicsItems';

const named = { label: 'STATE_1', description: 'Arrows', created_date: '2024-03-07', created_time: '10:15:00' };
const states: PresentationStates = {
  presentation_states: [
    { ...named, images: [{ sop_instance_uid: '1.2.100', frame_numbers: [] }] },
    { ...named, label: 'STATE_2', images: [{ sop_instance_uid: '1.2.100', frame_numbers: [2] }] },
    { ...named, label: '', description: '', created_date: null, created_time: null, images: [{ sop_instance_uid: '1.2.101', frame_numbers: [1] }] },
  ],
  unread: 0,
  left_out: 0,
};

describe('switches for overlays and shutters', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = new Stage();
    stage.viewer.show(0, 7);
  });

  afterEach(cleanup);

  const shown = (overlays: boolean, shutter: boolean): void => {
    const detail = seriesDetail(3);
    const frames = detail.frames.map((frame, index) => (index === 1 ? { ...frame, has_overlays: overlays, has_shutter: shutter } : frame));
    stage.viewer.setDetail({ ...detail, frames });
    stage.show(
      <Menu opened transitionProps={{ duration: 0 }}>
        <Menu.Dropdown>
          <GraphicsItems cell={stage.viewer.cell(0)} />
        </Menu.Dropdown>
      </Menu>,
    );
  };

  it('are there only where an image of the series has any', () => {
    shown(false, false);
    expect(screen.queryAllByRole('menuitemcheckbox')).toEqual([]);
  });

  it('are on until the doctor switches them off, each by itself', () => {
    shown(true, true);
    const overlays = screen.getByRole('menuitemcheckbox', { name: 'Overlays' });
    expect(overlays).toBeChecked();
    expect(screen.getByRole('menuitemcheckbox', { name: 'Shutter' })).toBeChecked();
    fireEvent.click(overlays);
    expect(stage.viewer.cell(0).state.data).toMatchObject({ overlays: false, shutters: true });
  });

  it('show what the series has', () => {
    shown(false, true);
    expect(screen.getAllByRole('menuitemcheckbox').map((item) => item.textContent)).toEqual(['Shutter']);
  });
});

describe('presentation states of an image', () => {
  it('are those that name it and its frame, or its whole series', () => {
    const labels = (frame: number, instance: number): string[] => statesFor(states, frameFacts(instance, { frame_number: frame })).map(({ label }) => label);
    expect(labels(1, 100)).toEqual(['STATE_1']);
    expect(labels(2, 100)).toEqual(['STATE_1', 'STATE_2']);
    expect(labels(1, 101)).toEqual(['']);
    expect(labels(2, 101)).toEqual([]);
    const all = { presentation_states: [{ ...named, images: null }], unread: 0, left_out: 0 };
    expect(statesFor(all, frameFacts(999)).length).toBe(1);
  });
});

describe('notes on what is not drawn', () => {
  let stage: Stage;

  const see = async (flags: number, found: PresentationStates): Promise<void> => {
    stage = new Stage();
    stage.viewer.show(0, 7);
    stage.viewer.setDetail(seriesDetail(3));
    const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
    client.setQueryData(['study', 1, 'series', 7, 'presentationStates'], found);
    stage.show(<CellNotes cell={stage.viewer.cell(0)} />, {}, client);
    await act(() => stage.picture({ instanceId: 100, flags }));
  };

  afterEach(cleanup);

  it('name an overlay that is missing and a shutter that cannot be right', async () => {
    await see(FrameFlag.LACKS_OVERLAY | FrameFlag.IGNORES_SHUTTER, { presentation_states: [], unread: 0, left_out: 0 });
    expect(screen.getByRole('note')).toHaveTextContent('An overlay of this image cannot be drawn.A shutter of this image cannot be right; it is not drawn.');
  });

  it('are not there where nothing is missing', async () => {
    await see(0, { presentation_states: [], unread: 0, left_out: 0 });
    expect(screen.queryByRole('note')).toBeNull();
  });

  it('say that a presentation state exists and what it is called', async () => {
    await see(0, states);
    expect(screen.getByRole('note')).toHaveTextContent('A presentation state exists for this image; it is not applied: STATE_1, Arrows, 2024-03-07 10:15.');
  });

  it('keep what people wrote to themselves where patient data are not shown', async () => {
    await see(0, states);
    act(() => stage.viewer.store.set({ overlay: 'anonymous' }));
    expect(screen.getByRole('note')).toHaveTextContent(/^A presentation state exists for this image; it is not applied\.$/);
  });

  it('count further states and those that cannot be read', async () => {
    const many = Array.from({ length: 5 }, (_, index) => ({ ...named, label: `S${index}`, images: null }));
    await see(0, { presentation_states: many, unread: 2, left_out: 3 });
    const lines = [...screen.getByRole('note').querySelectorAll('p')].map((line) => line.textContent);
    expect(lines.length).toBe(6);
    expect(lines.slice(3)).toEqual(['2 more presentation states exist for this image.', '2 presentation states of this study cannot be read.', 'At least 3 presentation states of this study were not looked at: there are too many, or they are too large.']);
  });
});
