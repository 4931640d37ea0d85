/** A viewer without a server, and its parts on a page. */

import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, type RenderResult } from '@testing-library/react';
import type { ReactNode } from 'react';
import type { StudyWithSeries } from '../../shared/api/types';
import { registerNamespace } from '../../shared/i18n';
import { decodeFrame } from '../../shared/protocol/frame';
import type { ViewerEnvironment } from '../control/environment';
import { ViewerController } from '../control/viewer';
import en from '../i18n/en.json';
import pt from '../i18n/pt.json';
import { browserClock } from '../stream/clock';
import { ViewerContext } from '../ui/context';
import { FakeSocket, type FrameFields, packedFrame } from './fakes';

registerNamespace('viewer', { en, pt });

export class Stage {
  readonly sockets: FakeSocket[] = [];
  /** What asking for a ticket comes to. */
  ticket: () => Promise<string> = () => Promise.resolve('ticket');
  readonly viewer: ViewerController;
  #sequence = 0;

  constructor() {
    this.viewer = new ViewerController({
      clock: browserClock,
      fetchTicket: () => this.ticket(),
      createSocket: (ticket) => {
        const socket = new FakeSocket(ticket);
        this.sockets.push(socket);
        return socket;
      },
      onFrame: (run) => run(),
      decode: () => Promise.resolve({ close: () => undefined } as ImageBitmap),
    });
    this.viewer.cell(0).resize({ widthPx: 1024, heightPx: 768, perCss: 1, deviceRatio: 1 });
  }

  /** The server's answer to the newest wish of the first window, unless told otherwise. */
  async picture(fields: Partial<FrameFields> = {}): Promise<void> {
    const cell = this.viewer.cell(0);
    this.#sequence += 1;
    await cell.take(decodeFrame(packedFrame({ revision: cell.lastSent, sequence: this.#sequence, still: true, ...fields })));
  }

  show(part: ReactNode, environment: Partial<ViewerEnvironment> = {}, client = new QueryClient()): RenderResult {
    return render(this.whole(part, environment, client));
  }

  /** A part with all that it stands in. */
  whole(part: ReactNode, environment: Partial<ViewerEnvironment> = {}, client = new QueryClient()): ReactNode {
    const nothing = (): void => undefined;
    const whole: ViewerEnvironment = {
      viewer: this.viewer,
      study: null,
      bars: true,
      mode: 'image',
      changeMode: nothing,
      closeTab: nothing,
      back: nothing,
      phone: false,
      lying: false,
      locale: 'en',
      openWindowDialog: nothing,
      openKeys: nothing,
      exportPicture: nothing,
      toggleFullScreen: nothing,
      ...environment,
    };
    return (
      <MantineProvider env="test">
        <QueryClientProvider client={client}>
          <ViewerContext.Provider value={whole}>{part}</ViewerContext.Provider>
        </QueryClientProvider>
      </MantineProvider>
    );
  }
}

/** A study of one series, as `GET /v2/studies/{study}` tells of it. */
export function studyOf(series: StudyWithSeries['series']): StudyWithSeries {
  return {
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
    series_count: series.length,
    instance_count: 50,
    image_count: 50,
    size_bytes: 1,
    received_at: '',
    first_series_id: series[0]?.series_id ?? null,
    series,
  };
}
