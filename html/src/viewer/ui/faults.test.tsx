import { act, cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { i18n } from '../../shared/i18n';
import { ApiError } from '../../shared/api/errors';
import { settle } from '../testing/fakes';
import { seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { Banner } from './Banner';
import { CellMessage } from './CellMessage';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
  stage.viewer.show(0, 7);
  stage.viewer.setDetail(seriesDetail(50));
});
afterEach(async () => {
  cleanup();
  stage.viewer.cell(0).setSeries(null, null);
  await i18n.changeLanguage('en');
});

const fail = (code: string, message: string, numbers: number[] = []): void => {
  const cell = stage.viewer.cell(0);
  cell.failed({ type: 'view_error', cell: 0, revision: cell.lastSent, code, message, numbers, image: null, edit: null });
};

describe('a storage that is away', () => {
  it.each([
    ['en', /^The server that keeps your studies does not answer now/],
    ['pt', /^O servidor que guarda seus estudos/],
  ])('is told in the words of the list (%s), the server\'s under Details', async (locale, words) => {
    await i18n.changeLanguage(locale);
    fail('unavailable', 'The storage node does not answer.');
    stage.show(<CellMessage cell={stage.viewer.cell(0)} />, { locale });
    expect(screen.getByText(words)).toBeInTheDocument();
    expect(screen.getByText(/The storage node does not answer/).closest('details')).not.toBeNull();
    expect(screen.getAllByRole('button')).toHaveLength(1);
  });

  it('offers the next image only where that can help', () => {
    fail('cannot_decode', 'Damaged.');
    stage.show(<CellMessage cell={stage.viewer.cell(0)} />);
    expect(screen.getByRole('button', { name: 'Next image' })).toBeInTheDocument();
  });
});

it.each([
  ['en', /The stored file of this image is damaged: it has 1000 bytes and should have 526008\. Tell your administrator\./],
  ['pt', /O arquivo armazenado desta imagem está danificado: tem 1000 bytes e deveria ter 526008\. Avise o administrador\./],
])('a damaged stored file is told as that, with its numbers (%s)', async (locale, words) => {
  await i18n.changeLanguage(locale);
  fail('stored_file_size', 'English of the server.', [1000, 526008]);
  stage.show(<CellMessage cell={stage.viewer.cell(0)} />, { locale });
  expect(screen.getByText(words)).toBeInTheDocument();
  expect(screen.getByText(/English of the server/).closest('details')).not.toBeNull();
});

it.each([
  ['en', 'The file holds no pixel data, or too little of it. Have it sent again.'],
  ['pt', 'O arquivo não contém dados de pixels, ou contém menos do que precisa. Peça que seja enviado novamente.'],
])('an image without pixels is refused in words of the page, and is not tried again (%s)', async (locale, words) => {
  await i18n.changeLanguage(locale);
  const contents = [{ sop_class_uid: '1.2.840.10008.5.1.4.1.1.3.1', instance_count: 1, without_pixels_count: 1 }];
  stage.viewer.show(0, 8);
  stage.viewer.setDetail(seriesDetail(0, 8));
  fail('cannot_decode', 'This object has no pixels.');
  stage.show(<CellMessage cell={stage.viewer.cell(0)} />, { locale, study: studyOf([{ ...seriesDetail(0, 8), has_images: false, contents }]) });
  expect(screen.getByText(words)).toBeInTheDocument();
  expect(screen.queryByRole('button')).toBeNull();
  expect(screen.getByText(/This object has no pixels/).closest('details')).not.toBeNull();
});

it('a video that cannot be shown comes with the download that its words speak of', () => {
  const detail = seriesDetail(1);
  stage.viewer.setDetail({ ...detail, frames: detail.frames.map((frame) => ({ ...frame, is_video: true })) });
  const cell = stage.viewer.cell(0);
  cell.failed({ type: 'view_error', cell: 0, revision: cell.lastSent, code: 'cannot_decode', message: 'Video.', numbers: [], image: { instance_id: 100, frame_number: 1 }, edit: null });
  stage.show(<CellMessage cell={cell} />, { study: { ...studyOf([detail]), study_id: 31 } });
  expect(screen.getByRole('link', { name: 'Download the study' }).getAttribute('href')).toMatch(/\/v2\/studies\/archive\?study_ids=31$/);
});

it('a server without a render node is told as that, not as a lost connection', async () => {
  stage.ticket = () => Promise.reject(new ApiError(503, 'no_render_node', 'No render node is in service.'));
  stage.viewer.connection.start();
  await settle();
  stage.show(<Banner />);
  await act(() => new Promise((done) => setTimeout(done, 700)));
  expect(screen.getByText(/No server that draws pictures is in service now/)).toBeInTheDocument();
  expect(screen.queryByText(/Connection lost|Moving your study/)).toBeNull();
  stage.viewer.connection.stop();
});
