/** The container suite on Redis 7.0. */

import { servers } from "./images.ts";
import { containerSuite } from "./suite.ts";

containerSuite(servers.redis7);
