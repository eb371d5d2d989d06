// Keycloak's docker-v2 protocol in front of distribution.

import { declare } from './heavy.mjs'

await declare('keycloak', 'registry2')
