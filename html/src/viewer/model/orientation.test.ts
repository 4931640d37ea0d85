import { describe, expect, it } from 'vitest';
import { directionLetters, edgeLetters, edgeLettersOfProjection } from './orientation';

const axial = [1, 0, 0, 0, 1, 0];
const upright = { rotationDeg: 0, flipHorizontal: false };

describe('orientation letters', () => {
  it('of an axial image: anterior on top, the right side of the patient on the left', () => {
    expect(edgeLetters(axial, upright)).toEqual({ top: 'A', right: 'L', bottom: 'P', left: 'R' });
  });

  it('of a coronal and a sagittal image', () => {
    expect(edgeLetters([1, 0, 0, 0, 0, -1], upright)).toEqual({ top: 'H', right: 'L', bottom: 'F', left: 'R' });
    expect(edgeLetters([0, 1, 0, 0, 0, -1], upright)).toEqual({ top: 'H', right: 'P', bottom: 'F', left: 'A' });
  });

  it('follow a clockwise turn', () => {
    expect(edgeLetters(axial, { rotationDeg: 90, flipHorizontal: false })).toEqual({ top: 'R', right: 'A', bottom: 'L', left: 'P' });
    expect(edgeLetters(axial, { rotationDeg: 180, flipHorizontal: false })).toEqual({ top: 'P', right: 'R', bottom: 'A', left: 'L' });
  });

  it('follow a flip, and a flip before a turn', () => {
    expect(edgeLetters(axial, { rotationDeg: 0, flipHorizontal: true })).toEqual({ top: 'A', right: 'R', bottom: 'P', left: 'L' });
    expect(edgeLetters(axial, { rotationDeg: 90, flipHorizontal: true })).toEqual({ top: 'L', right: 'A', bottom: 'R', left: 'P' });
  });

  it('of an oblique image have a second letter, the stronger first', () => {
    expect(directionLetters([0.8, 0.6, 0])).toBe('LP');
    expect(directionLetters([-0.6, 0, 0.8])).toBe('HR');
    expect(directionLetters([0.99, 0.1, 0])).toBe('L');
  });

  it('are left out where the orientation is unknown', () => {
    expect(edgeLetters(null, upright)).toBeNull();
    expect(edgeLetters([1, 0, 0], upright)).toBeNull();
    expect(edgeLetters([1, 0, 0, 0, Number.NaN, 0], upright)).toBeNull();
  });
});

describe('letters of a radiograph', () => {
  const chest = ['L', 'F'];

  it('stand where its rows and columns point to, their opposites across', () => {
    expect(edgeLettersOfProjection(chest, upright)).toEqual({ top: 'H', right: 'L', bottom: 'F', left: 'R' });
    expect(edgeLettersOfProjection(['AF', 'R'], upright)).toEqual({ top: 'L', right: 'AF', bottom: 'R', left: 'PH' });
  });

  it('follow a turn, a flip, and a flip before a turn', () => {
    expect(edgeLettersOfProjection(chest, { rotationDeg: 90, flipHorizontal: false })).toEqual({ top: 'R', right: 'H', bottom: 'L', left: 'F' });
    expect(edgeLettersOfProjection(chest, { rotationDeg: 180, flipHorizontal: false })).toEqual({ top: 'F', right: 'R', bottom: 'H', left: 'L' });
    expect(edgeLettersOfProjection(chest, { rotationDeg: 0, flipHorizontal: true })).toEqual({ top: 'H', right: 'R', bottom: 'F', left: 'L' });
    expect(edgeLettersOfProjection(chest, { rotationDeg: 90, flipHorizontal: true })).toEqual({ top: 'L', right: 'H', bottom: 'R', left: 'F' });
  });

  it('of a free turn name both directions, the stronger first, and nothing twice', () => {
    expect(edgeLettersOfProjection(chest, { rotationDeg: 30, flipHorizontal: false })).toEqual({ top: 'HR', right: 'LH', bottom: 'FL', left: 'RF' });
    expect(edgeLettersOfProjection(['A', 'FA'], { rotationDeg: 30, flipHorizontal: false })?.right).toBe('AH');
  });

  it('agree with those of an image with a place in the patient', () => {
    for (const rotationDeg of [0, 30, 90, 135, 200]) {
      for (const flipHorizontal of [false, true]) {
        const look = { rotationDeg, flipHorizontal };
        expect(edgeLettersOfProjection(chest, look)).toEqual(edgeLetters([1, 0, 0, 0, 0, -1], look));
      }
    }
  });

  it('are left out where they are unknown', () => {
    expect(edgeLettersOfProjection(null, upright)).toBeNull();
    expect(edgeLettersOfProjection(['L'], upright)).toBeNull();
  });
});
