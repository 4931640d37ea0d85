import { describe, expect, it } from 'vitest';
import { emptyCell, resolvePlacement, startData } from '../control/cellState';
import en from '../i18n/en.json';
import pt from '../i18n/pt.json';
import { frameFacts, seriesDetail } from '../testing/series';
import { cornerTexts, type Translate } from './corners';

type Texts = { [key: string]: string | Texts };

function keys(texts: Texts, path = ''): string[] {
  return Object.entries(texts).flatMap(([key, value]) => (typeof value === 'string' ? [`${path}${key}`] : keys(value, `${path}${key}.`)));
}

function text(texts: Texts, key: string): string {
  const value = key.split('.').reduce<string | Texts>((at, part) => (typeof at === 'string' ? at : (at[part] ?? '')), texts);
  return typeof value === 'string' ? value : '';
}

describe('texts', () => {
  it('are complete in Portuguese, with the same values in them', () => {
    expect(keys(pt).sort()).toEqual(keys(en).sort());
    const values = (one: string): string[] => [...one.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1] ?? '').sort();
    for (const key of keys(en)) expect([key, values(text(pt, key))]).toEqual([key, values(text(en, key))]);
  });
});

describe('corners', () => {
  const t: Translate = (key, values = {}) =>
    text(en, key).replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name]));
  const study = {
    study_id: 1,
    study_instance_uid: '1',
    patient_name: 'Almeida^Beatriz',
    patient_id: '0048213',
    patient_sex: 'F',
    patient_birth_date: '1958-05-14',
    modalities: ['CT'],
    body_parts: [],
    study_date: '2026-11-23',
    study_time: '16:42:00',
    accession_number: '',
    study_description: 'CT chest with contrast',
    referring_physician_name: '',
    institution_name: '',
    series_count: 1,
    instance_count: 214,
    image_count: 214,
    size_bytes: 1,
    received_at: '',
    first_series_id: 7,
  };
  const state = {
    ...emptyCell(),
    reference: { seriesId: 7, image: { instance_id: 100, frame_number: 1 } },
    canvas: { widthPx: 1024, heightPx: 1024, perCss: 2, deviceRatio: 2 },
    detail: seriesDetail(214),
    shown: {
      revision: 1,
      sequence: 1,
      still: true,
      lossless: true,
      sourceLossy: false,
      lacksOverlay: false,
      ignoresShutter: false,
      image: { instance_id: 100, frame_number: 1 },
      windowCenter: 50,
      windowWidth: 350,
      placement: null,
      data: startData,
    },
  };
  const context = { study, overlay: 'full' as const, compact: false, locale: 'en', t };

  it('say no zoom as long as there is no picture, nor where there can be none', () => {
    expect(cornerTexts({ ...state, shown: null }, context).topRight).toEqual(['W 350 L 50 · series', 'Recommended']);
    const fault = { code: 'unprocessable', numbers: [], message: '', image: null };
    expect(cornerTexts({ ...state, fault }, context).topRight).toEqual(['W 350 L 50 · series', 'Recommended']);
    const empty = { ...seriesDetail(1), frames: [frameFacts(100, { rows: 0, columns: 0 })] };
    expect(resolvePlacement({ ...state, detail: empty })).toBeNull();
  });

  it('say who, how, where', () => {
    expect(cornerTexts(state, context)).toEqual({
      topLeft: ['Almeida, Beatriz', '0048213 · F · 1958-05-14 (68 y)', 'CT chest with contrast', '2026-11-23 16:42'],
      topRight: ['W 350 L 50 · series', 'Recommended', 'Zoom 200 %'],
      bottomLeft: ['S2 · Mediastinum 1.0 mm', 'Image 1 of 214 · −6.0 mm'],
      bottomRight: ['Lossless'],
    });
  });

  it('in small windows keep name, number and age, on more lines', () => {
    expect(cornerTexts(state, { ...context, room: { width: 456, height: 330 } }).topLeft).toEqual([
      'Almeida, Beatriz',
      '0048213',
      'F · 1958-05-14 (68 y)',
      'CT chest with contrast',
      '2026-11-23 16:42',
    ]);
    const small = cornerTexts(state, { ...context, room: { width: 320, height: 200 } });
    expect(small.topLeft).toEqual(['Almeida, Beatriz', '0048213', 'F · 68 y']);
    expect(small.bottomLeft).toEqual(['S2 · Mediastinum 1.0 mm', 'Image 1 of 214', '−6.0 mm']);
  });

  it('of a part of a phone fit beside each other', () => {
    const part = cornerTexts(state, { ...context, compact: true, room: { width: 195, height: 340 } });
    expect(part.topLeft).toEqual(['S2']);
    expect(part.topRight.slice(0, 2)).toEqual(['W 350', 'L 50']);
    expect(part.bottomLeft).toEqual(['1 / 214', '−6.0 mm']);
  });

  it('follow what was asked for at once only as long as there is no picture', () => {
    const window = { kind: 'values' as const, width: 408, center: 85 };
    const dragged = { ...state, data: { ...state.data, window } };
    expect(cornerTexts({ ...dragged, shown: null }, context).topRight[0]).toBe('W 408 L 85');
    expect(cornerTexts(dragged, context).topRight[0]).toBe('W 350 L 50 · series');
    const drawn = { ...dragged, shown: { ...state.shown, data: dragged.data } };
    expect(cornerTexts(drawn, context).topRight[0]).toBe('W 408 L 85');
  });

  it('without patient data name nobody', () => {
    const corners = cornerTexts(state, { ...context, overlay: 'anonymous' });
    expect(corners.topLeft).toEqual([]);
    expect(corners.bottomLeft[1]).toBe('Image 1 of 214 · −6.0 mm');
  });

  it('say how long a video is, which is one image of its series', () => {
    const video = frameFacts(100, { is_video: true, video_frames: 30, slice_position_mm: null });
    const line = (frames: (typeof video)[]): string | undefined => cornerTexts({ ...state, detail: { ...state.detail, frames } }, context).bottomLeft[1];
    expect(line([video])).toBe('Video, 30 frames');
    expect(line([video, frameFacts(101)])).toBe('Image 1 of 2 · Video, 30 frames');
    expect(line([{ ...video, video_frames: 1 }])).toBe('Image 1 of 1');
  });

  it('say what was lost on the way', () => {
    const shown = {
      revision: 1,
      sequence: 1,
      still: false,
      lossless: false,
      sourceLossy: true,
      lacksOverlay: false,
      ignoresShutter: false,
      image: { instance_id: 100, frame_number: 1 },
      windowCenter: 50,
      windowWidth: 350,
      placement: null,
      data: startData,
    };
    expect(cornerTexts({ ...state, shown }, context).bottomRight).toEqual(['Lossy image', 'Sent with loss']);
    expect(cornerTexts({ ...state, shown: { ...shown, lossless: true } }, context).bottomRight).toEqual(['Lossy image', 'Sent without loss']);
    const detail = { ...state.detail, frames: [frameFacts(100, { lossy_ratios: [12.46, 4.5] })] };
    expect(cornerTexts({ ...state, detail, shown }, context).bottomRight[0]).toBe('Lossy image 12:1, 4.5:1');
  });

  it('say that overlays or a shutter of the image are hidden, even where all other texts are off', () => {
    const detail = { ...seriesDetail(1), frames: [frameFacts(100, { has_overlays: true, has_shutter: true })] };
    const hidden = { ...startData, overlays: false, shutters: false };
    const without = { ...state, detail, shown: { ...state.shown, data: hidden } };
    expect(cornerTexts(without, context).bottomRight).toEqual(['Overlays hidden', 'Shutter off', 'Lossless']);
    expect(cornerTexts(without, { ...context, overlay: 'off' })).toEqual({ topLeft: [], topRight: [], bottomLeft: [], bottomRight: ['Overlays hidden', 'Shutter off'] });
    expect(cornerTexts({ ...state, detail }, context).bottomRight).toEqual(['Lossless']);
    expect(cornerTexts({ ...without, detail: state.detail }, context).bottomRight).toEqual(['Lossless']);
  });

  it('are gone when switched off', () => {
    expect(cornerTexts(state, { ...context, overlay: 'off' }).topRight).toEqual([]);
  });
});
