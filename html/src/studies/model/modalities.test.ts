import { describe, expect, it } from 'vitest';
import { modalities, modalitiesFor } from './modalities';

describe('the choice of modalities', () => {
  it('names each once', () => {
    expect(new Set(modalities).size).toBe(modalities.length);
  });

  it('finds by letters, the exact one first', () => {
    expect(modalitiesFor('rtd', [])).toEqual(['RTDOSE']);
    expect(modalitiesFor('SM', []).slice(0, 2)).toEqual(['SM', 'SMR']);
    expect(modalitiesFor('es', [])[0]).toBe('ES');
  });

  it('takes a code that no list knows, and keeps it once chosen', () => {
    expect(modalitiesFor('zz9', [])).toEqual(['ZZ9']);
    expect(modalitiesFor('', ['ZZ9'])[0]).toBe('ZZ9');
    expect(modalitiesFor('a-b', [])).toEqual([]);
  });
});
