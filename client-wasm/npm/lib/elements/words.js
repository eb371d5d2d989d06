// The texts of the elements. A page replaces them by the property `words`.

/** @import { Words } from '../../elements.js' */

/** @type {Words} */
export const WORDS = {
  registry: 'Registry',
  username: 'User name',
  password: 'Password or access token',
  login: 'Log in',
  browse: 'Browse without logging in',
  cancel: 'Cancel',
  retry: 'Try again',
  loading: 'Connecting …',
  loggingIn: 'Logging in …',
  loggedOut: 'You have logged out.',
  expired: 'Your session has ended. Log in again to continue.',
  refused: 'The registry no longer accepts the password of this session. Log in again to continue.',
  anonymous: 'Not logged in',
  logout: 'Log out',
  until: (time) => `until ${time}`,
  request: (id) => `request ${id}`,
}
