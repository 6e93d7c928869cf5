"""More names of each culture, for the company's own people: enough for 20,000 distinct names."""

from __future__ import annotations

from random import Random

_TRIES = 4
_INITIALS = "ABCDEFGHJKLMNOPRSTVW"

# By the country of a culture: first names, last names.
_NAMES = {
    "Germany": (
        "Andrea Bastian Birgit Carsten Dorothea Emil Franziska Georg Hannah Ingo Jana Konrad Lena Matthias Nadine "
        "Oskar Petra Ralf Sabine Tobias Ulrike Volker Wiebke Jonas Katharina Leonie Moritz Nele Rainer Silke",
        "Albrecht Becker Brandt Busch Dietrich Engel Fischer Frank Graf Haas Herrmann Horn Jansen Jung Kaiser "
        "Keller Koch König Kraus Lang Lorenz Maier Möller Neumann Otto Peters Pfeiffer Richter Roth Schäfer "
        "Schröder Schulz Seidel Sommer Stein Thomas Vogel Wagner Winkler Ziegler",
    ),
    "United Kingdom": (
        "Abigail Alistair Amelia Barnaby Bethan Charlotte Colin Daisy Duncan Eleanor Ewan Freya George Hamish Isla "
        "Jasper Keira Lachlan Matilda Nigel Olivia Poppy Quentin Rosemary Sanjay Tamsin Tristan Verity Winston "
        "Zara",
        "Abbott Barlow Baxter Blackwood Chaudhry Clarke Coleman Davenport Dawson Ellison Fairfax Gallagher Gibson "
        "Goodwin Hargreaves Hussain Ingram Jenkins Kaur Kirkpatrick Lancaster Lloyd Marsden Merrick Norris Osborne "
        "Parry Quigley Radcliffe Sinclair Sutherland Tate Thornton Underwood Vaughan Walsh Webster Winslow Wren "
        "Yates",
    ),
    "France": (
        "Adèle Antoine Baptiste Brigitte Clément Chloé Didier Émilie Fabrice Gaëlle Hugo Inès Jérôme Karim Laurent "
        "Léa Mathilde Nicolas Océane Pascal Quitterie Raphaël Sylvie Théo Ugo Valérie Xavier Yasmine Zoé Manon",
        "Arnaud Barbier Berger Blanchard Boyer Brun Carpentier Chauvin Collet Delacroix Deschamps Dufour Fabre "
        "Fontaine Fournier Gauthier Girard Guérin Henry Hubert Lacroix Lambert Leclerc Legrand Lemaire Marchand "
        "Mercier Meunier Noël Perrin Picard Renard Rivière Roussel Schmitt Tessier Vasseur Vidal Weber Zidane",
    ),
    "Sweden": (
        "Agneta Anders Astrid Birgitta Carina Elsa Emelie Erik Filippa Fredrik Gunnar Hanna Henrik Inga Jesper "
        "Johan Karin Klara Lars Lovisa Magnus Mats Nils Ove Pernilla Rasmus Sigrid Staffan Tove Ulf",
        "Ahlgren Andersson Arvidsson Axelsson Berggren Blomqvist Borg Dahlberg Danielsson Edlund Ek Eklund "
        "Engström Forsberg Fransson Gustafsson Hallberg Hansson Holm Isaksson Jansson Johansson Karlsson Lindberg "
        "Lundgren Löfgren Magnusson Mattsson Nilsson Nordin Olofsson Palm Persson Rydberg Sandström Söderberg "
        "Sundin Viklund Wallin Öberg",
    ),
    "United States": (
        "Aaliyah Austin Brianna Caleb Carmen Chad Destiny Earl Elena Ethan Francisca Gavin Hailey Hector Imani "
        "Jamal Jolene Kendra Lamar Latoya Mateo Monique Nathaniel Ofelia Preston Raquel Sierra Terrence Valentina "
        "Wesley",
        "Alvarez Anderson Bennett Brooks Caldwell Carter Castillo Chang Coleman Crawford Davis Diaz Edwards Ellis "
        "Flores Foster Garcia Gonzales Grant Harrison Hayes Jackson Jefferson Jimenez Kim Lopez Lowry Martinez "
        "McAllister Miller Morgan Ortega Owens Pham Ramirez Robinson Sullivan Torres Whitaker Young",
    ),
    "Poland": (
        "Adam Aleksandra Bartosz Beata Cezary Danuta Dominik Ewa Filip Grażyna Hanna Ignacy Iwona Jacek Joanna "
        "Kamil Katarzyna Leszek Magdalena Marcin Natalia Olga Patryk Renata Sławomir Tomasz Urszula Wiktoria "
        "Wojciech Zofia",
        "Adamczyk Baran Bielak Błaszczyk Chmiel Cieślak Czarnecki Duda Gajda Głowacki Górski Jakubowski Janik "
        "Kaczmarek Kalinowski Kołodziej Krawczyk Kubiak Lis Majewski Malinowski Mazur Michalak Mroczek Nowak "
        "Olszewski Pawlak Pietrzak Rutkowski Sikora Sobczak Stasiak Szczepaniak Tomczak Urban Walczak Wilk Wróbel "
        "Zając Ziółkowski",
    ),
    "Israel": (
        "Adi Ariel Avi Ayelet Boaz Dana David Dina Elior Gal Hadar Hila Ido Inbal Jamila Karim Lior Maya Michal "
        "Nadav Nasreen Ofir Rami Rivka Ronen Samir Tal Uri Yael Ziv",
        "Abergel Abutbul Agassi Alon Amar Ashkenazi Avraham Bar-Lev Barak Biton Dahan Darwish Edri Eliyahu Farah "
        "Feldman Gabay Golan Goldberg Harel Hazan Jabbour Katz Kaplan Lavi Levy Malka Mansour Nassar Ohana Peretz "
        "Rosen Salman Sasson Segal Shalev Sharabi Tamir Vaknin Zohar",
    ),
    "Japan": (
        "Akira Asuka Chihiro Eiji Emi Fumiko Genki Hana Hiroshi Isamu Junko Kaori Kazuya Keita Mariko Masato "
        "Megumi Minoru Naoki Nozomi Ren Rika Sakura Satoshi Shinji Tomoko Wataru Yoko Yuji Yumi",
        "Abe Aoki Arai Endō Fujita Fukuda Gotō Hasegawa Hashimoto Hayashi Higashi Honda Iida Imai Inoue Itō Kaneko "
        "Katō Kikuchi Kimura Kondō Maeda Maruyama Miura Mori Murakami Nakagawa Nishimura Ogawa Okada Ōtsuka Sakai "
        "Sasaki Shimizu Suzuki Takahashi Uchida Wada Yamada Yoshida",
    ),
}
NAMES = {country: (tuple(first.split()), tuple(last.split())) for country, (first, last) in _NAMES.items()}


def own_name(apart: Random, country: str, taken: set[str]) -> tuple[str, str]:
    """Return an unused first and last name, with middle initials once plain names run out."""
    firsts, lasts = NAMES[country]
    for tries in range(1_000):
        first, last = apart.choice(firsts), apart.choice(lasts)
        initials = " ".join(f"{apart.choice(_INITIALS)}." for _ in range(tries // _TRIES))
        first = f"{first} {initials}".strip()
        if f"{first} {last}" not in taken:
            taken.add(f"{first} {last}")
            return first, last
    raise ValueError(f"There are no more names for {country}.")
