import { act, cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Series } from '../../shared/api/types';
import { i18n } from '../../shared/i18n';
import { seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { CellMessage } from './CellMessage';
import { Strip } from './Strip';

const STORAGE = '1.2.840.10008.5.1.4.1.1';
const documents = (uids: string[], patch: Partial<Series> = {}): Series => ({
  ...seriesDetail(0, 8),
  modality: 'SR',
  series_description: '',
  instance_count: uids.length,
  contents: [...new Set(uids)].map((uid) => ({ sop_class_uid: `${STORAGE}.${uid}`, instance_count: uids.filter((one) => one === uid).length, without_pixels_count: 0 })),
  ...patch,
});

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(async () => {
  cleanup();
  await i18n.changeLanguage('en');
});

describe('a study that holds no image', () => {
  const study = { ...studyOf([documents(['9.1.1', '88.11', '88.33', '104.1', '481.5', '11.1'])]), study_id: 31 };

  it('says what it holds and offers the download', () => {
    stage.viewer.show(0, 8);
    stage.show(<CellMessage cell={stage.viewer.cell(0)} />, { study });
    expect(screen.getByRole('status')).toHaveTextContent('This study holds no images: 1 ECG, 2 structured reports, 1 PDF document, 1 presentation state, 1 RT plan.');
    expect(screen.getByRole('link', { name: 'Download the study' }).getAttribute('href')).toMatch(/\/v2\/studies\/archive\?study_ids=31$/);
  });

  it.each([
    ['en', 'This study holds no images: 1 ECG.It cannot be shown here yet, but it can be downloaded with the study.'],
    ['pt', 'Este estudo não contém imagens: 1 ECG.Este objeto ainda não pode ser mostrado aqui, mas pode ser baixado com o estudo.'],
  ])('speaks of one object as one (%s)', async (locale, words) => {
    await i18n.changeLanguage(locale);
    stage.viewer.show(0, 8);
    stage.show(<CellMessage cell={stage.viewer.cell(0)} />, { study: studyOf([documents(['9.1.1'])]), locale });
    expect(screen.getByRole('status')).toHaveTextContent(words);
  });

  it('says it in Portuguese', async () => {
    await i18n.changeLanguage('pt');
    stage.viewer.show(0, 8);
    stage.show(<CellMessage cell={stage.viewer.cell(0)} />, { study, locale: 'pt-BR' });
    expect(screen.getByRole('status')).toHaveTextContent('Este estudo não contém imagens: 1 ECG, 2 relatórios estruturados, 1 documento PDF, 1 estado de apresentação e 1 plano de radioterapia.');
  });

  it('has images in another series: only this series is spoken of', () => {
    stage.viewer.show(0, 8);
    stage.show(<CellMessage cell={stage.viewer.cell(0)} />, { study: studyOf([seriesDetail(50), documents(['104.1'])]) });
    expect(screen.getByRole('status')).toHaveTextContent('This series holds no images: 1 PDF document.');
  });
});

describe('the strip', () => {
  it('names documents instead of showing an empty picture', () => {
    stage.show(<Strip />, { study: studyOf([seriesDetail(50), documents(['104.1', '104.1'], { series_description: 'Report' })]) });
    const card = document.querySelector('[data-series="8"]');
    expect(card).toHaveTextContent('2 PDF documents');
    expect(card).not.toHaveTextContent('images');
    expect(card?.getAttribute('title')).toBe('Report · 2 PDF documents');
    expect(card?.querySelector('img')).toBeNull();
    expect(card?.querySelector('svg.tabler-icon-file-type-pdf')).not.toBeNull();
  });

  it('says of a multi-frame object without pixel data that nothing of it can be shown', () => {
    const enhanced = { sop_class_uid: `${STORAGE}.2.1`, instance_count: 1, without_pixels_count: 1 };
    stage.show(<Strip />, { study: studyOf([{ ...seriesDetail(0, 8), image_count: 0, contents: [enhanced] }]) });
    expect(document.querySelector('[data-series="8"]')).toHaveTextContent('1 image whose pixel data is missing or too short');
  });

  it('marks a count that leaves out objects without pixels, with the reason', async () => {
    const contents = [{ sop_class_uid: `${STORAGE}.2`, instance_count: 52, without_pixels_count: 2 }];
    await act(async () => void stage.show(<Strip />, { study: studyOf([{ ...seriesDetail(50), contents }]) }));
    const count = document.querySelector('[data-series="7"] [data-unfinished]');
    expect(count?.textContent).toBe('50 images; objects that cannot be shown: 2');
    expect(count?.getAttribute('title')).toBe('Cannot be shown: pixel data missing or too short. Objects: 2');
  });
});
