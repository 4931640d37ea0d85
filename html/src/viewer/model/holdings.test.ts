import { describe, expect, it } from 'vitest';
import type { Series, SeriesContent } from '../../shared/api/types';
import { holdingsOf, kindOf, withoutPixels } from './holdings';

const series = (contents: SeriesContent[], has_images = false): Series => ({ series_id: 1, study_id: 1, series_instance_uid: '1', modality: 'OT', series_number: 1, series_description: '', body_part_examined: '', instance_count: 3, image_count: 0, has_images, contents });
const content = (sop_class_uid: string, instance_count: number, without_pixels_count = 0): SeriesContent => ({ sop_class_uid, instance_count, without_pixels_count });
const STORAGE = '1.2.840.10008.5.1.4.1.1';

describe('what a series without images holds', () => {
  it.each([
    ['12-lead ECG', '9.1.1', 'ecg'],
    ['General ECG', '9.1.2', 'ecg'],
    ['Hemodynamic waveform', '9.2.1', 'waveform'],
    ['Basic voice audio', '9.4.1', 'audio'],
    ['Routine scalp EEG', '9.7.1', 'waveform'],
    ['Grayscale presentation state', '11.1', 'presentationState'],
    ['Color presentation state', '11.2', 'presentationState'],
    ['Comprehensive 3D SR', '88.34', 'report'],
    ['X-Ray radiation dose SR', '88.67', 'report'],
    ['Key object selection', '88.59', 'keyObjects'],
    ['PDF', '104.1', 'pdf'],
    ['CDA', '104.2', 'document'],
    ['STL', '104.3', 'model'],
    ['RT plan', '481.5', 'rtPlan'],
    ['RT ion plan', '481.8', 'rtPlan'],
    ['RT structure set', '481.3', 'rtStructures'],
    ['RT dose', '481.2', 'rtDose'],
    ['RT beams record', '481.4', 'rtRecord'],
    ['RT physician intent', '481.10', 'rtOther'],
    ['Deformable registration', '66.3', 'registration'],
    ['Raw data', '66', 'rawData'],
    ['Surface segmentation', '66.5', 'segmentation'],
    ['MR spectroscopy', '4.2', 'spectroscopy'],
    ['CT image without a picture', '2', 'other'],
    ['a class that nobody knows', '999.1', 'other'],
  ])('%s', (_, uid, kind) => {
    expect(kindOf(`${STORAGE}.${uid}`)).toBe(kind);
  });

  it('may have no class, a private one, or one that only looks alike', () => {
    for (const uid of ['', '1.3.12.2.1107.5.9.1', `${STORAGE}1.9.1.1`, `${STORAGE}.`, `${STORAGE}.constructor`]) expect(kindOf(uid)).toBe('other');
  });

  it('is counted over series, in one order, images with missing pixels apart', () => {
    const found = holdingsOf([
      series([content(`${STORAGE}.104.1`, 1), content(`${STORAGE}.88.11`, 2)]),
      series([content(`${STORAGE}.88.33`, 1), content(`${STORAGE}.2.1`, 4, 3)]),
      series([content(`${STORAGE}.2`, 100)], true),
    ]);
    expect(found).toEqual([{ kind: 'report', count: 3 }, { kind: 'pdf', count: 1 }, { kind: 'withoutPixels', count: 3 }, { kind: 'other', count: 1 }]);
  });

  it('is of unknown kind where a server does not say it', () => {
    const bare = series([]);
    delete bare.contents;
    expect(holdingsOf([bare])).toEqual([{ kind: 'other', count: 3 }]);
    expect(withoutPixels(bare)).toBe(0);
  });
});
