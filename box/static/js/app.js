// Every page loads this once; navigation then swaps the main region and leaves it running. Modules of the rooms
// run before it, so that their elements hear of drafts that are put back.

import "./bell.js";
import "./clocks.js";
import "./drafts.js";
import "./drop.js";
import "./live.js";
import "./news.js";
import "./of-text.js";
import "./principal-picker.js";
import { listen } from "./push.js";
import "./questions.js";
import "./recurrence.js";
import "./rich.js";
import "./shell.js";
import "./upload.js";

listen();
