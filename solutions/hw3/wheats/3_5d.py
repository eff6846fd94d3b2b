"""Valid alternatives of question 3.5d: each must get full marks."""

import torch
from hwkit import wheat
from torch import Tensor


@wheat("sorts, and skips the first column, which is the point itself")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    radius_real = torch.cdist(real, real).sort().values[:, k]
    radius_fake = torch.cdist(fake, fake).sort().values[:, k]
    across = torch.cdist(real, fake)
    precision = (across <= radius_real[:, None]).any(0).double().mean().item()
    recall = (across <= radius_fake[None, :]).any(1).double().mean().item()
    return precision, recall


@wheat("loops and topk")
def precision_recall_knn(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def radii(points):
        out = []
        for i in range(len(points)):
            others = torch.cat([points[:i], points[i + 1 :]])
            out.append(torch.linalg.vector_norm(others - points[i], dim=1).topk(k, largest=False).values[-1])
        return torch.stack(out)

    def share(queries, points):
        radius = radii(points)
        hits = [bool((torch.linalg.vector_norm(points - q, dim=1) <= radius).any()) for q in queries]
        return sum(hits) / len(hits)

    return share(fake, real), share(real, fake)
