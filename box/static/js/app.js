// Every page loads this once; navigation then swaps the main region and leaves it running. Modules of the rooms
// run before it: there they declare their components, `Alpine.data("poll", ...)`.

import Alpine from "../vendor/alpine.js";

import { audience } from "./audience.js";
import "./bell.js";
import "./clocks.js";
import "./drafts.js";
import "./drop.js";
import "./live.js";
import "./news.js";
import "./of-text.js";
import { listen } from "./push.js";
import "./questions.js";
import "./recurrence.js";
import "./rich.js";
import "./shell.js";
import "./upload.js";

Alpine.data("audience", audience);
Alpine.start();
listen();
