import { beforeEach, describe, expect, it } from 'vitest';
import type { Point } from '../model/geometry';
import { FakeClock } from '../testing/fakes';
import { TouchRecogniser, type TwoFingers } from './gestures';

let clock: FakeClock;
let touch: TouchRecogniser;
let heard: string[];
let lastTwo: TwoFingers | null;
const p = (x: number, y: number): Point => ({ x, y });

beforeEach(() => {
  clock = new FakeClock();
  heard = [];
  lastTwo = null;
  touch = new TouchRecogniser(
    {
      one: (phase, from, to) => heard.push(`one ${phase} ${to.x - from.x},${to.y - from.y}`),
      two: (phase, fingers) => {
        heard.push(`two ${phase}`);
        lastTwo = fingers;
      },
      three: (phase, dx, dy) => heard.push(`three ${phase} ${Math.round(dx)},${Math.round(dy)}`),
      tap: () => heard.push('tap'),
      doubleTap: () => heard.push('double tap'),
      longPress: (at) => heard.push(`long press ${at.x},${at.y}`),
    },
    clock,
  );
});

describe('one finger', () => {
  it('drags once it has moved', () => {
    touch.down(1, p(100, 100));
    touch.move(1, p(103, 102));
    expect(heard).toEqual([]);
    touch.move(1, p(100, 120));
    touch.move(1, p(100, 140));
    touch.up(1);
    expect(heard).toEqual(['one start 0,0', 'one move 0,20', 'one move 0,40', 'one end 0,40']);
  });

  it('taps, and taps twice', async () => {
    touch.down(1, p(100, 100));
    touch.up(1);
    await clock.pass(200);
    touch.down(1, p(104, 98));
    touch.up(1);
    expect(heard).toEqual(['tap', 'double tap']);
  });

  it('two slow taps are no double tap', async () => {
    touch.down(1, p(100, 100));
    touch.up(1);
    await clock.pass(500);
    touch.down(1, p(100, 100));
    touch.up(1);
    expect(heard).toEqual(['tap', 'tap']);
  });

  it('held still it asks for the menu, and drags nothing afterwards', async () => {
    touch.down(1, p(50, 60));
    await clock.pass(550);
    touch.move(1, p(90, 90));
    touch.up(1);
    expect(heard).toEqual(['long press 50,60']);
  });

  it('that drags is not held still', async () => {
    touch.down(1, p(50, 60));
    touch.move(1, p(50, 90));
    await clock.pass(1000);
    expect(heard.filter((one) => one.startsWith('long'))).toEqual([]);
  });
});

describe('two fingers', () => {
  it('move the picture without turning or zooming it', () => {
    touch.down(1, p(100, 100));
    touch.down(2, p(200, 100));
    // the fingers are reported one after the other
    for (let step = 1; step <= 10; step += 1) {
      touch.move(1, p(100 + 3 * step, 100 + 2 * step));
      touch.move(2, p(200 + 3 * step, 100 + 2 * step));
    }
    expect(lastTwo).toEqual({ from: p(150, 100), to: p(180, 120), factor: 1, degrees: 0 });
  });

  it('pinch', () => {
    touch.down(1, p(100, 100));
    touch.down(2, p(200, 100));
    touch.move(1, p(50, 100));
    touch.move(2, p(250, 100));
    expect(lastTwo?.factor).toBe(2);
    expect(lastTwo?.to).toEqual(p(150, 100));
  });

  it('turn, from ten degrees on and without a jump', () => {
    touch.down(1, p(100, 100));
    touch.down(2, p(200, 100));
    const at = (degrees: number): Point => p(100 + 100 * Math.cos((degrees * Math.PI) / 180), 100 + 100 * Math.sin((degrees * Math.PI) / 180));
    touch.move(2, at(8));
    expect(lastTwo?.degrees).toBe(0);
    touch.move(2, at(10.5));
    expect(lastTwo?.degrees).toBeCloseTo(0.5, 6);
    touch.move(2, at(40));
    expect(lastTwo?.degrees).toBeCloseTo(30, 6);
  });

  it('turn on past half a circle', () => {
    touch.down(1, p(100, 100));
    touch.down(2, p(200, 100));
    for (let degrees = 10; degrees <= 200; degrees += 10) {
      touch.move(2, p(100 + 100 * Math.cos((degrees * Math.PI) / 180), 100 + 100 * Math.sin((degrees * Math.PI) / 180)));
    }
    expect(lastTwo?.degrees).toBeCloseTo(190, 6);
  });

  it('end the drag of the first, and the last one left starts no new one', () => {
    touch.down(1, p(100, 100));
    touch.move(1, p(100, 130));
    touch.down(2, p(200, 100));
    touch.up(2);
    touch.move(1, p(100, 300));
    touch.up(1);
    expect(heard).toEqual(['one start 0,0', 'one move 0,30', 'one end 0,0', 'two start', 'two end']);
  });
});

it('three fingers set the window', () => {
  touch.down(1, p(0, 0));
  touch.down(2, p(30, 0));
  touch.down(3, p(60, 0));
  touch.move(1, p(30, 0));
  touch.move(2, p(60, 0));
  touch.move(3, p(90, 0));
  touch.up(3);
  expect(heard).toEqual(['two start', 'two end', 'three start 0,0', 'three move 10,0', 'three move 20,0', 'three move 30,0', 'three end 0,0']);
});

it('fingers that the system takes end what they did', () => {
  touch.down(1, p(0, 0));
  touch.move(1, p(0, 50));
  touch.cancel(1);
  expect(heard.at(-1)).toBe('one end 0,0');
});
