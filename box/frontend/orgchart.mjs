// The chart of the structure: box/core/structure/static/structure/structure.js draws with it. See decision 0013.

export { OrgChart } from "d3-org-chart";
