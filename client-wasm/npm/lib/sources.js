/**
 * @import { InitSource } from '../index.js'
 * @import { PackagedModule } from './types.js'
 */

/**
 * What `init` was given for modules that are loaded later, and what the entry has.
 * @type {{ doctor?: InitSource | PromiseLike<InitSource>, digest?: PackagedModule['copy'], functions?: () => Promise<void> }}
 */
export const sources = {}
