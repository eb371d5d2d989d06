// Gitea's container registry.

import { declare } from './heavy.mjs'

await declare('gitea')
