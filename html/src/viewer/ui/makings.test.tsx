import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Making } from '../../shared/protocol/messages';
import type { SeriesMaking } from '../control/seriesMaking';
import { Store } from '../control/store';
import { missingOf, plannedName } from '../model/plannedSeries';
import type { Question } from '../stream/questions';
import { seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { SeriesDialog } from './SeriesDialog';
import { Strip } from './Strip';
import { ToolFamilies } from './ToolFamilies';

/** A window whose volume is there, and whose server tells how far it is when the test says so. */
class Cell {
  readonly store = new Store({ opened: {}, fault: null });
  asked: Question[] = [];
  progress: (making: Making) => void = () => undefined;
  readonly open = (): void => undefined;
  readonly close = (): void => undefined;
  get state() {
    return this.store.get();
  }

  ask(question: Question, _key: string, onProgress: (making: Making) => void): Promise<never> {
    this.asked.push(question);
    this.progress = onProgress;
    return new Promise(() => undefined);
  }
}

type DialogCell = ConstructorParameters<typeof SeriesMaking>[0];

let stage: Stage;
let cell: Cell;
beforeEach(() => {
  stage = new Stage();
  cell = new Cell();
});
afterEach(cleanup);

function Page({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const make = (making: SeriesMaking): void =>
    making.start({ kind: 'make_series', images: { kind: 'turning', degrees: 360, width_px: 64, height_px: 64 }, count: 512, series_description: 'MPR Coronal' }, null);
  return (
    <>
      <ToolFamilies families={[]} shown={0} moreWidth={200} />
      <SeriesDialog opened={opened} onClose={onClose} title="New series" size={400} cell={cell as unknown as DialogCell} form={(making) => <button onClick={() => make(making)}>Make</button>} />
    </>
  );
}

describe('a new series', () => {
  it('is told of on the bar while its dialog is closed, asks before it stops, and says what stays', async () => {
    const { rerender } = stage.show(<Page opened onClose={() => undefined} />, { study: studyOf([seriesDetail(50)]) });
    const page = (opened: boolean): void => rerender(stage.whole(<Page opened={opened} onClose={() => undefined} />, { study: studyOf([seriesDetail(50)]) }));
    fireEvent.click(await screen.findByRole('button', { name: 'Make' }));
    await act(async () => undefined);
    expect(cell.asked[0]).toMatchObject({ series_description: 'MPR Coronal (512 images)' });
    act(() => cell.progress({ type: 'making', cell: 14, question: 1, stored: 53, total: 512 }));
    expect(screen.queryByRole('button', { name: /^New series:/ })).toBeNull();
    page(false);
    const badge = await screen.findByRole('button', { name: 'New series: 53 of 512' });
    fireEvent.click(badge);
    fireEvent.click(await screen.findByRole('button', { name: 'Stop' }));
    // It goes on while it is asked.
    expect(screen.getByRole('alert')).toHaveTextContent('53 of 512 images are stored already. They stay with the study as an unfinished series');
    act(() => cell.progress({ type: 'making', cell: 14, question: 1, stored: 54, total: 512 }));
    fireEvent.click(screen.getByRole('button', { name: 'Stop and keep 54 images' }));
    expect(await screen.findByText(/Stopped\. 54 of 512 images are stored in this study; the series is not finished\./)).toBeInTheDocument();
  });

  it('that is not finished says so in the strip', () => {
    const series = { ...seriesDetail(53), series_description: 'MPR Coronal (512 images)' };
    stage.show(<Strip />, { study: studyOf([series, { ...series, series_id: 8, image_count: 512 }]) });
    const [unfinished, whole] = [7, 8].map((id) => document.querySelector(`[data-series="${id}"]`));
    expect(unfinished).toHaveTextContent('53 of 512 images, not finished');
    expect(whole).toHaveTextContent('512 images');
    expect(whole).not.toHaveTextContent('not finished');
  });

  it('keeps its number within the length that a name may have', () => {
    const write = ({ name, count }: { name: string; count: number }): string => `${name} (${count} imagens)`;
    const name = plannedName('x'.repeat(64), 512, write);
    expect(name).toHaveLength(64);
    expect(missingOf({ series_description: name, image_count: 53 })).toBe(512);
    expect(plannedName('MPR (17 images)', 40, write)).toBe('MPR (40 imagens)');
    expect(missingOf({ series_description: 'Thorax (5 mm)', image_count: 1 })).toBeNull();
  });
});
