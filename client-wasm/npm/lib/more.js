// What a page loads with the first call that needs it: everything that writes, and what few pages need.

export { alone } from './alone.js'
export { copy } from './copy.js'
export { download } from './download.js'
export { config, layers } from './image.js'
export { setParts } from './parts.js'
export { putManifest } from './put.js'
export { referrers } from './referrers.js'
export { remove } from './remove.js'
export { unusable } from './unusable.js'
export { push } from './upload.js'
