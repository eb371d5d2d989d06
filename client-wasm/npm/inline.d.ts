// `dockpass/inline` has what `dockpass` and `dockpass/doctor` have, with both modules inside.

export { default } from './index.js'
export * from './index.js'
export * from './doctor.js'
