/**
 * Custom elements: {@link DockpassLogin | `<dockpass-login>`} logs in, {@link DockpassStatus | `<dockpass-status>`} shows who
 * is logged in. Importing this module defines them. They load the WebAssembly module themselves, need no framework, and
 * work under a strict content security policy. On a server, the import does nothing.
 *
 * @packageDocumentation
 */

import type { DockpassError, RegistryClient, Session, SignedOutReason } from './index.js'

/** The texts of the elements. */
export interface Words {
  /** Label of the choice of a registry. */
  registry: string
  /** Label of the user name. */
  username: string
  /** Label of the password. */
  password: string
  /** The button that logs in. */
  login: string
  /** The button that goes on without a login. */
  browse: string
  /** The button that ends a login that takes long. */
  cancel: string
  /** The button after an error. */
  retry: string
  /** While the key server is contacted. */
  loading: string
  /** While the credentials are verified. */
  loggingIn: string
  /** Above the form, after a logout. */
  loggedOut: string
  /** Above the form, after the end of the session. */
  expired: string
  /** Above the form, when the registry no longer accepts the credentials. */
  refused: string
  /** Instead of the user name. */
  anonymous: string
  /** The button that logs out. */
  logout: string
  /** When the session ends; `time` is as the browser writes it. */
  until(time: string): string
  /** Names the request in the log of the key server. */
  request(id: string): string
}

/** The events of {@link DockpassLogin}. They bubble. */
export interface DockpassLoginEventMap {
  /**
   * The client can be used: after a login, for a session that exists already, or to browse without a login. When another
   * user logs in, it is dispatched again: discard what the last one saw.
   */
  connected: CustomEvent<{ client: RegistryClient; session: Session | null }>
  /** The session has ended, and the form is shown again. Discard what the user saw. */
  signedout: CustomEvent<{ reason: SignedOutReason }>
  /** A login or the connection failed. The element shows the error in words. */
  failed: CustomEvent<{ error: DockpassError }>
  /** Something that {@link DockpassStatus} shows has changed. */
  statechange: CustomEvent<null>
}

/**
 * `<dockpass-login>`: connects a {@link RegistryClient} to a registry. While nobody is logged in, it shows a form for the
 * registry, the user name, and the password or access token. Afterwards it is empty.
 *
 * The form is in the document and not in a shadow tree, so that password managers find it and the page's styles apply to
 * it. The element's own style sheet has no specificity: every rule of the page takes precedence. Its parts have names
 * (`[part~="primary"]`): `form`, `field`, `label`, `input`, `actions`, `button`, `primary`, `secondary`, `error`,
 * `error-title`, `error-text`, `error-code`, `notice`, `progress`. Custom properties: `--dockpass-accent`,
 * `--dockpass-on-accent`, `--dockpass-danger`, `--dockpass-border`, `--dockpass-text`, `--dockpass-radius`,
 * `--dockpass-gap`, `--dockpass-width`, `--dockpass-font`.
 *
 * | attribute | meaning |
 * |---|---|
 * | `key-server` | URL of the key server. Default: `/` |
 * | `registry` | The registry. Without it, the user chooses one of the key server's. |
 * | `required` | There is no button to browse without a login. |
 * | `carrier` | `cookie` or `bearer`, as for {@link RegistryClient.connect} |
 * | `autofocus` | The form gets the focus when it first appears. |
 *
 * @example
 * ```html
 * <dockpass-login key-server="https://dockpass.example" registry="registry.example"></dockpass-login>
 * <script type="module">
 *   import 'dockpass/elements'
 *
 *   const [login] = document.getElementsByTagName('dockpass-login')
 *   login.addEventListener('connected', async ({ detail: { client } }) => {
 *     for await (const name of client.catalog()) console.log(name)
 *   })
 * </script>
 * ```
 */
export class DockpassLogin extends HTMLElement {
  /** The client, once there is a session or the user browses without one; else `null`. */
  readonly client: RegistryClient | null

  /** Canonical name of the chosen registry; `null` until it is known. */
  readonly registry: string | null

  /** The texts. Assign those that differ, before the element is in the document. */
  get words(): Words
  set words(words: Partial<Words>)

  /** Shows the form to a user who browses without a login. */
  showForm(): void

  /** Ends the session and shows the form. Without a session it does nothing. */
  logout(): Promise<void>

  addEventListener<K extends keyof DockpassLoginEventMap>(
    type: K,
    listener: ((event: DockpassLoginEventMap[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: ((event: HTMLElementEventMap[K]) => void) | null,
    options?: boolean | AddEventListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void
}

/**
 * `<dockpass-status>`: the user name, the registry and the end of the session, with a button that logs out; or “Not logged
 * in”, with a button that shows the form.
 *
 * It belongs to the `<dockpass-login>` whose id is in its attribute `for`, else to the first one of the document. It has the
 * parts `status`, `who`, `username`, `registry`, `until`, `button`, `error`, and the custom properties of that element.
 */
export class DockpassStatus extends HTMLElement {
  /** The element that it belongs to. */
  readonly login: DockpassLogin | null

  /** The texts. Assign those that differ. */
  get words(): Words
  set words(words: Partial<Words>)
}

/**
 * Keeps the line breaks of what is pasted into a password field, such as the key of a Google service account. Browsers
 * remove them from the value, and a registry may compare every octet.
 *
 * @returns `value` returns what was pasted as long as the field shows it, else the field's value. `clear` empties both.
 */
export function keepLineBreaks(field: HTMLInputElement): { value: () => string; clear: () => void }

/** The handlers of an element's events, as frameworks write them: `onconnected` for `connected`. */
type Handlers<Events> = { [Name in keyof Events & string as `on${Name}`]?: (event: Events[Name]) => void }

/**
 * The attributes and event handlers of {@link DockpassLogin}, for frameworks with typed templates.
 *
 * @example In React 19 with TypeScript, in a file such as `src/dockpass.d.ts`:
 * ```ts
 * import type { DockpassLogin, DockpassLoginProps, DockpassStatus, DockpassStatusProps } from 'dockpass/elements'
 * import type { DetailedHTMLProps, HTMLAttributes } from 'react'
 *
 * type Props<Own, Element> = Own & DetailedHTMLProps<HTMLAttributes<Element>, Element>
 *
 * declare module 'react' {
 *   namespace JSX {
 *     interface IntrinsicElements {
 *       'dockpass-login': Props<DockpassLoginProps, DockpassLogin>
 *       'dockpass-status': Props<DockpassStatusProps, DockpassStatus>
 *     }
 *   }
 * }
 * ```
 */
export interface DockpassLoginProps extends Handlers<DockpassLoginEventMap> {
  /** URL of the key server. Default: `/` */
  'key-server'?: string
  /** The registry. Without it, the user chooses one of the key server's. */
  registry?: string
  /** There is no button to browse without a login. */
  required?: boolean
  /** As for {@link RegistryClient.connect}. */
  carrier?: 'cookie' | 'bearer'
  /** The texts that differ. */
  words?: Partial<Words>
}

/** The attributes of {@link DockpassStatus}, for frameworks with typed templates. */
export interface DockpassStatusProps {
  /** The id of the `<dockpass-login>` that it belongs to. Default: the first one of the document. */
  for?: string
  /** The texts that differ. */
  words?: Partial<Words>
}

declare global {
  interface HTMLElementTagNameMap {
    'dockpass-login': DockpassLogin
    'dockpass-status': DockpassStatus
  }
}
