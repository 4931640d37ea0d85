import { describe, expect, it } from 'vitest';
import { directionLetters, edgeLetters } from './orientation';

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
