"""Start topaz-em where torchvision's compiled operators do not fit the installed torch.

    PYTHON_OF_TOPAZ benchmarks/topaz_starter.py denoise --stack …

topaz imports torchvision for one rotation function; with a CPU build of torch, torchvision's
import fails because its operators are missing. Naming them is enough: topaz calls none of them.
"""

import torch

library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
for operator in ("nms", "qnms"):
    schema = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    library.define(schema)  # type: ignore[no-untyped-call]

from topaz.main import main  # noqa: E402

main()
