/** The stack that holds images of branches: unreviewed code writes to no repository and no state that environments are deployed from. */
export const BRANCH_IMAGES = "images.branches";

/** What names of its resources have instead of `images`. */
export const BRANCH_IMAGES_ENV = "images-branches";
