/** The container suite on Valkey 9. */

import { servers } from "./images.ts";
import { containerSuite } from "./suite.ts";

containerSuite(servers.valkey9);
