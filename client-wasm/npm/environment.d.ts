/**
 * Types of the environment: of a browser, or of Node.js. Where a program is compiled without them, such as one that only uses
 * the parsers, they are `never` or less, and nothing has to be installed.
 *
 * @packageDocumentation
 */

/** The instances of a global class. */
type InstanceOf<Name extends string> = typeof globalThis extends { [K in Name]: { prototype: infer T } }
  ? T
  : never

export type Response = InstanceOf<'Response'>
export type Request = InstanceOf<'Request'>
export type URL = InstanceOf<'URL'>
export type AbortSignal = InstanceOf<'AbortSignal'>
export type Blob = InstanceOf<'Blob'>

/** A compiled WebAssembly module. */
export type WasmModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer T } } }
  ? T
  : never

/** A stream of bytes. */
export type ByteStream = typeof globalThis extends { Blob: { prototype: { stream(): infer T } } } ? T : never

/** The second argument of `fetch`. */
export type RequestInit = typeof globalThis extends { fetch: (input: any, init?: infer T) => any }
  ? NonNullable<T>
  : object

/** The class `EventTarget`, or any where there is none. */
export type EventTargetClass = typeof globalThis extends { EventTarget: { new (): infer T } }
  ? { new (): T }
  : { new (): object }

/** The third argument of `addEventListener`. */
export type ListenerOptions = typeof globalThis extends {
  EventTarget: { prototype: { addEventListener(type: any, listener: any, options?: infer T): any } }
}
  ? T
  : boolean | object

/** An event with a detail. Where there is such a class, it is a `CustomEvent`. */
export type DetailEvent<T> = (typeof globalThis extends { CustomEvent: new (...given: any[]) => infer E }
  ? E
  : { readonly type: string }) & { readonly detail: T }
