import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seriesDetail } from '../testing/series';
import { Stage } from '../testing/stage';
import { CellNotes } from './CellNotes';

const located = { code: 'place_unknown', numbers: [], texts: [], text: 'English of the server.' };
const mosaic = { code: 'mosaic', numbers: [36], texts: [], text: 'English of the server.' };

describe('what was assumed of an image', () => {
  let stage: Stage;

  beforeEach(async () => {
    stage = new Stage();
    stage.viewer.show(0, 7);
    const detail = seriesDetail(3);
    const [first, second, third] = detail.frames.map((frame, index) => ({ ...frame, notices: [[0], [0, 1], []][index] ?? [] }));
    stage.viewer.setDetail({ ...detail, notices: [located, mosaic], frames: [first, second, third].flatMap((frame) => frame ?? []) });
    await stage.picture({ instanceId: 100 });
    stage.show(<CellNotes cell={stage.viewer.cell(0)} />);
  });

  afterEach(cleanup);

  const see = (index: number): Promise<void> =>
    act(async () => {
      stage.viewer.cell(0).goTo(index, 1, false);
      await stage.picture({ instanceId: 100 + index });
    });

  it('stands on the image in the words of the page', () => {
    expect(screen.getByRole('note')).toHaveTextContent('These slices do not say where in the patient they lie.');
    expect(screen.getByRole('note')).not.toHaveTextContent('mosaic');
  });

  it('can be folded away and unfolded', () => {
    fireEvent.click(screen.getByRole('button', { name: 'Fold away' }));
    expect(screen.queryByRole('note')).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Show 1 note on this image' }));
    expect(screen.getByRole('note')).toBeInTheDocument();
  });

  it('unfolds again for another assumption, and is gone where there is none', async () => {
    fireEvent.click(screen.getByRole('button', { name: 'Fold away' }));
    await see(1);
    expect(screen.getByRole('note')).toHaveTextContent('The 36 slices of each volume were stored as one picture');
    await see(2);
    expect(screen.queryByRole('note')).toBeNull();
    expect(screen.queryByRole('button')).toBeNull();
  });
});
