/** The container suite on Redis 8. */

import { servers } from "./images.ts";
import { containerSuite } from "./suite.ts";

containerSuite(servers.redis8);
