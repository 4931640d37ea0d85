import { describe, expect, it } from 'vitest';
import { seriesDetail } from '../testing/series';
import { firstVolumeSeries } from './series';

const of = (id: number, modality: string, count: number) => ({ ...seriesDetail(count, id), modality });

describe('the series that opens as a volume when none is named', () => {
  it('is no segmentation or dose, however many frames that has', () => {
    expect(firstVolumeSeries([of(1, 'SEG', 90), of(2, 'XA', 3)])?.series_id).toBe(2);
    expect(firstVolumeSeries([of(1, 'RTDOSE', 90), of(2, 'CT', 40)])?.series_id).toBe(2);
  });

  it('is a segmentation where the study has nothing else', () => {
    expect(firstVolumeSeries([of(1, 'SEG', 90)])?.series_id).toBe(1);
    expect(firstVolumeSeries([])).toBeNull();
  });
});
