// The encoder and decoder of environments without `TextEncoder` and `TextDecoder`, beside those of Node.js.

import assert from 'node:assert/strict'
import { test } from 'node:test'

const { TextDecoder: NativeDecoder, TextEncoder: NativeEncoder } = globalThis
Object.assign(globalThis, { TextDecoder: undefined, TextEncoder: undefined })
const { TextDecoder, TextEncoder } = await import('../lib/text.js')
Object.assign(globalThis, { TextDecoder: NativeDecoder, TextEncoder: NativeEncoder })

const TEXTS = [
  '',
  'ascii',
  'é ü ÿ',
  '€ 漢字',
  '😀 and text',
  '\u0000',
  '\ud800 alone \udc00',
  '\ud83d\ud83d\ude00',
]

test('they do what those of Node.js do', () => {
  assert.notEqual(TextEncoder, NativeEncoder)
  assert.notEqual(TextDecoder, NativeDecoder)
  for (const text of TEXTS) {
    const expected = new NativeEncoder().encode(text)
    const target = new Uint8Array(expected.length)
    const written = { read: text.length, written: expected.length }
    assert.deepEqual(new TextEncoder().encodeInto(text, target), written)
    assert.deepEqual(target, expected)
    assert.equal(new TextDecoder().decode(expected), new NativeDecoder().decode(expected))
  }
  assert.equal(new TextDecoder().decode(), '')
})

test('what does not fit is not written, and what is no UTF-8 is an error', () => {
  const target = new Uint8Array(3)
  assert.deepEqual(new TextEncoder().encodeInto('four', target), { read: 0, written: 0 })
  assert.deepEqual(target, new Uint8Array(3))
  assert.throws(() => new TextDecoder().decode(Uint8Array.of(0xc3, 0x28)))
})
