/** Checked reading of what pages of images and of volumes have in common. */

import { fits } from '../../../shared/protocol/validate';
import { dot, length, type Vector } from '../../model/vector';
import type { Window } from '../../model/windowing';
import { objectIn } from './json';

/** A unit vector may be off by this much after its way through JSON. */
const UNIT = 1e-6;

export function isFrame(right: Vector, down: Vector): boolean {
  return Math.abs(length(right) - 1) < UNIT && Math.abs(length(down) - 1) < UNIT && Math.abs(dot(right, down)) < UNIT;
}

/** A VOI window as the contract of the stream has it. */
export function windowIn(value: unknown): Window | null {
  const type = { recommended: 'WindowRecommended', full_dynamic: 'WindowFullDynamic', values: 'WindowValues' }[String(objectIn(value)?.['kind'])];
  return type !== undefined && fits(value, type) ? (value as Window) : null;
}
