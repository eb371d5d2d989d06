// Authorizes every request of the pages for the registry. The package is served by the key server at this origin.

import { authorize } from '/dockpass/sw.js'

authorize({ registries: ['registry.example'] })
