// What a page loads with the first call that needs it: everything that writes, and what few pages read.

export { copy } from './copy.js'
export { download } from './download.js'
export { config, layers } from './image.js'
export { putManifest } from './put.js'
export { referrers } from './referrers.js'
export { remove } from './remove.js'
export { push } from './upload.js'
