"""PyTorch networks for make_vectors.py that torchvision does not have."""
import torch
import torchvision
from torch import nn


class SqueezeExcitation(nn.Module):
    """timm's SEModule: names fc1 and fc2, 1x1 convolutions with biases."""

    def __init__(self, width, inner):
        super().__init__()
        self.fc1 = nn.Conv2d(width, inner, 1)
        self.fc2 = nn.Conv2d(inner, width, 1)

    def forward(self, x):
        means = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(means))))


class SqueezedBottleneck(torchvision.models.resnet.Bottleneck):
    def __init__(self, inplanes, planes, *arguments, **options):
        super().__init__(inplanes, planes, *arguments, **options)
        shortcut = self.downsample
        del self.downsample  # timm has it behind `se`
        self.se = SqueezeExcitation(4 * planes, planes // 4)
        self.downsample = shortcut

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.se(self.bn3(self.conv3(y)))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


def se_resnext50(num_classes=1000):
    """timm's seresnext50_32x4d."""
    return torchvision.models.ResNet(SqueezedBottleneck, [3, 4, 6, 3], num_classes=num_classes, groups=32, width_per_group=4)


def inception_auxiliary(num_classes=1000):
    """Inception's auxiliary classifier by itself: as a part, it needs images of 299 pixels."""
    return torchvision.models.inception.InceptionAux(3, num_classes)


class GapNet(nn.Module):
    """GapNet-PL (Rumetshofer et al. 2019) with a border of 1 around every convolution."""

    def __init__(self, num_classes=1000):
        super().__init__()
        widths = [3, 32, 64, 64, 64, 64, 128, 128, 128]
        for i in range(1, 9):
            setattr(self, "conv%d" % i, nn.Conv2d(widths[i - 1], widths[i], 3, 2 if i < 3 else 1, 1))
        self.fc1 = nn.Linear(32 + 64 + 128, 256)
        self.fc2 = nn.Linear(256, 256)
        self.fc3 = nn.Linear(256, num_classes)

    def forward(self, x):
        means = []
        for i in range(1, 9):
            x = nn.functional.selu(getattr(self, "conv%d" % i)(x))
            if i in (1, 5):
                x = nn.functional.max_pool2d(x, 2, 2)
            if i in (1, 5, 8):
                means.append(x.mean((2, 3)))
        x = nn.functional.selu(self.fc1(torch.cat(means, 1)))
        return self.fc3(nn.functional.selu(self.fc2(x)))


def gapnet(num_classes=1000):
    return GapNet(num_classes)
