/** The container suite on Valkey 8. */

import { servers } from "./images.ts";
import { containerSuite } from "./suite.ts";

containerSuite(servers.valkey8);
