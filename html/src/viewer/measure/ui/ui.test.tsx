import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import axe from 'axe-core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { seriesDetail } from '../../testing/series';
import { Stage } from '../../testing/stage';
import { measuringOf } from '../control/measureOf';
import type { Measures } from '../control/measures';
import { surfaceOf } from '../testing';
import { MeasureList, MeasureLive } from './MeasureList';
import { MeasureTools } from './MeasureTools';


describe('measurements without a pointer', () => {
  let stage: Stage;
  let measures: Measures;
  let ruler: number;
  const went: number[] = [];

  beforeEach(() => {
    stage = new Stage();
    stage.viewer.show(0, 7);
    stage.viewer.setDetail(seriesDetail(50));
    measures = measuringOf(stage.viewer).measures;
    went.length = 0;
    for (const [index, instance] of [12, 4].entries()) {
      const place = surfaceOf(instance).place;
      if (place === null) throw new Error('no place');
      measures.finish({ tool: index === 0 ? 'ruler' : 'ellipse', place, cellNumber: 0, fixed: [{ x: 1, y: 2 }, { x: 3, y: 4 }], floating: null, answers: {} });
    }
  });
  beforeEach(() => {
    ruler = measures.state.items[0]?.id ?? 0;
  });
  afterEach(cleanup);

  const props = {
    seriesId: 7,
    whereOf: (place: { kind: string; image?: { instance_id: number } }) => ({ text: `image ${place.image?.instance_id}`, order: place.image?.instance_id ?? 0 }),
    goTo: ({ id }: { id: number }) => void went.push(id),
  };

  it('are listed by their image, chosen, gone to and deleted', async () => {
    const { container } = stage.show(<MeasureList {...props} />);
    const rows = screen.getAllByRole('button', { pressed: false }).concat(screen.getAllByRole('button', { pressed: true }));
    expect(screen.getAllByRole('listitem').map((one) => one.textContent)).toEqual(['ROI ellipseROI ellipse · image 4', 'RulerRuler · image 12']);
    expect(rows).toHaveLength(2);
    fireEvent.click(screen.getByRole('button', { name: 'Ruler, image 12: value is coming' }));
    expect(went).toEqual([ruler]);
    expect(measures.state.chosen).toBe(ruler);
    fireEvent.click(screen.getByRole('button', { name: 'Delete: ROI ellipse, image 4: value is coming' }));
    expect(screen.getAllByRole('listitem')).toHaveLength(1);
    fireEvent.click(screen.getByRole('button', { name: 'Undo' }));
    expect(screen.getAllByRole('listitem')).toHaveLength(2);
    const found = await axe.run(container, { rules: { region: { enabled: false } } });
    expect(found.violations.map((one) => one.id)).toEqual([]);
    fireEvent.click(screen.getByRole('button', { name: 'Delete all of the series' }));
    expect(screen.getByText('Nothing is measured in this series.')).toBeDefined();
  });

  it('are said aloud once they rest', () => {
    vi.useFakeTimers();
    try {
      stage.show(<MeasureLive />);
      const said = (): string => document.querySelector('[data-measure-live]')?.textContent ?? '';
      const item = measures.state.items[0];
      if (item === undefined) throw new Error('no measurement');
      const answer = { points: item.points, fault: null, measured: { type: 'measured' as const, cell: 0, question: 1, length: 30.24, area: null, angle_deg: null, length_unit: 'mm' as const, spacing_source: 'detector' as const, values: null, statistics: null, unit: '', interpolated: false } };
      act(() => measures.store.set({ chosen: ruler, items: [{ ...item, answers: { '': answer } }] }));
      act(() => void vi.advanceTimersByTime(400));
      expect(said()).toBe('');
      act(() => void vi.advanceTimersByTime(400));
      expect(said()).toBe('Ruler: 30.2 mm on detector');
    } finally {
      vi.useRealTimers();
    }
  });

  it('have tools with names, keys and the letter of their mouse button', async () => {
    const bound: string[] = [];
    const { container } = stage.show(
      <div role="toolbar" aria-label="Tools">
        <MeasureTools {...props} bindings={{ left: 'cobb', middle: 'pan', right: 'window' }} bind={(button, tool) => void bound.push(`${button} ${tool}`)} place={() => null} />
      </div>,
    );
    const cobb = screen.getByRole('button', { name: 'Cobb angle' });
    expect([cobb.getAttribute('aria-pressed'), cobb.getAttribute('aria-keyshortcuts'), cobb.querySelector('[data-letter]')?.getAttribute('data-letter')]).toEqual(['true', 'C', 'L']);
    fireEvent.click(screen.getByRole('button', { name: 'Ruler' }));
    fireEvent(screen.getByRole('button', { name: 'Point value' }), new MouseEvent('auxclick', { bubbles: true, button: 2 }));
    expect(bound).toEqual(['left ruler', 'right point']);
    fireEvent.click(screen.getByRole('button', { name: 'Delete this' }));
    expect(measures.state.items.map((one) => one.id)).toEqual([ruler]);
    const found = await axe.run(container, { rules: { region: { enabled: false } } });
    expect(found.violations.map((one) => one.id)).toEqual([]);
  });
});
