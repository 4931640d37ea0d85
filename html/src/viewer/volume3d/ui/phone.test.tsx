import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { anglesOf } from '../model/orientations';
import { VolumeStage } from '../testing';
import { volumeCorners } from './corners';
import { AnglesDialog } from './dialogs';
import { VolumePhoneBottom, VolumePhoneTop } from './PhoneVolume';

let stage: VolumeStage;
beforeEach(async () => {
  stage = new VolumeStage();
  await stage.open();
  stage.facts();
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe('the phone', () => {
  it('has all orientations by letters, with the angles of LAO and RAO', () => {
    stage.show(<VolumePhoneBottom seriesId={7} detail={null} />);
    fireEvent.click(screen.getByRole('button', { name: 'Tools' }));
    expect(screen.getByRole('button', { name: 'PA: Posterior-anterior' })).toHaveTextContent(/^PA$/);
    fireEvent.click(screen.getByRole('button', { name: 'RAO 30°' }));
    const { camera } = stage.scene.state;
    expect(camera === null ? null : Math.round(anglesOf(camera).rotationDeg)).toBe(-30);
  });

  it('records', async () => {
    const start = vi.fn();
    vi.stubGlobal('MediaRecorder', class {
      static isTypeSupported = (): boolean => true;
    });
    stage.record = start;
    stage.show(<VolumePhoneTop onBack={() => undefined} />);
    fireEvent.click(screen.getByRole('button', { name: 'More' }));
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Record a video' }));
    expect(start).toHaveBeenCalledOnce();
  });

  it('has the name of the look and from where it is seen on two lines: on one they run into the other corner', () => {
    const { camera, look, name, cuts } = stage.scene.state;
    if (camera === null) throw new Error('no camera');
    const context = { study: null, detail: null, overlay: 'full', locale: 'en', nameOf: () => 'Bone', t: (key: string) => key } as const;
    const seen = { camera, look, name, cuts: cuts.present };
    const facts = { shown: null, opened: null, facts: null, rests: true };
    expect(volumeCorners(facts, seen, { ...context, compact: true }).topRight.slice(1)).toEqual(['Bone', 'AP']);
    expect(volumeCorners(facts, seen, { ...context, compact: false }).topRight.slice(1)).toEqual(['Bone · AP']);
  });
});

describe('angles', () => {
  it('are set in degrees, which stand in the fields', () => {
    stage.show(<AnglesDialog opened onClose={() => undefined} />);
    expect(screen.getAllByText('°')).toHaveLength(3);
    act(() => void fireEvent.change(screen.getByRole('textbox', { name: 'Rotation' }), { target: { value: '20' } }));
    fireEvent.click(screen.getByRole('button', { name: 'Apply' }));
    const { camera } = stage.scene.state;
    expect(camera === null ? null : Math.round(anglesOf(camera).rotationDeg)).toBe(20);
  });
});
