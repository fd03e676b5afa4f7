"""One source identity as geometry and pixels: neutral form, references, retargeting, condition."""
