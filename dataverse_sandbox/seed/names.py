"""Raw material: names, towns and companies of several cultures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culture:
    """The culture of a contact; in `phone`, # stands for a digit."""

    country: str
    phone: str
    mobile: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    towns: tuple[tuple[str, str], ...]
    streets: tuple[str, ...]


CULTURES: tuple[Culture, ...] = (
    Culture(
        "Germany",
        "+49 30 ### ####",
        "+49 171 ### ####",
        ("Anna", "Jürgen", "Marlene", "Stefan", "Heike", "Lukas", "Gisela", "Torsten"),
        ("Schneider", "Weiß", "Krüger", "Vogt", "Baumann", "Lehmann", "Öztürk", "Hoffmann"),
        (("Berlin", "10115"), ("München", "80331"), ("Köln", "50667"), ("Würzburg", "97070")),
        ("Hauptstraße", "Lindenallee", "Am Markt", "Goethestraße"),
    ),
    Culture(
        "United Kingdom",
        "+44 20 #### ####",
        "+44 7700 ######",
        ("Harriet", "Callum", "Priya", "Owen", "Imogen", "Desmond", "Fiona", "Rhys"),
        ("Whitfield", "Okonkwo", "Patel", "Ainsworth", "O'Neill", "Pritchard", "MacLeod", "Bains"),
        (("London", "EC1A 1BB"), ("Leeds", "LS1 4DY"), ("Cardiff", "CF10 1EP"), ("Edinburgh", "EH1 1YZ")),
        ("High Street", "Station Road", "Victoria Terrace", "Mill Lane"),
    ),
    Culture(
        "France",
        "+33 1 ## ## ## ##",
        "+33 6 ## ## ## ##",
        ("Élodie", "François", "Camille", "Thibault", "Noémie", "Rachid", "Solène", "Benoît"),
        ("Lefèvre", "Moreau", "Benali", "Dubois", "Garnier", "Rousseau", "Chevalier", "N'Diaye"),
        (("Paris", "75002"), ("Lyon", "69003"), ("Nantes", "44000"), ("Besançon", "25000")),
        ("Rue de la République", "Avenue Foch", "Place Bellecour", "Boulevard Voltaire"),
    ),
    Culture(
        "Sweden",
        "+46 8 ### ## ##",
        "+46 70 ### ## ##",
        ("Åsa", "Björn", "Linnea", "Göran", "Ylva", "Viktor", "Maja", "Håkan"),
        ("Åkesson", "Bergström", "Nyström", "Lindqvist", "Sjöberg", "Hedlund", "Ekdahl", "Norén"),
        (("Stockholm", "111 29"), ("Göteborg", "411 03"), ("Malmö", "211 20"), ("Umeå", "903 26")),
        ("Drottninggatan", "Storgatan", "Södra vägen", "Kungsgatan"),
    ),
    Culture(
        "United States",
        "+1 (312) 555-01##",
        "+1 (646) 555-01##",
        ("Denise", "Marcus", "Guadalupe", "Tyler", "Keiko", "Andre", "Rosalind", "Dwayne"),
        ("Hernandez", "Washington", "Kowalski", "Nakamura", "Fitzgerald", "Nguyen", "Delgado", "Abernathy"),
        (("Chicago", "60601"), ("Austin", "78701"), ("Portland", "97204"), ("Boston", "02110")),
        ("Main Street", "Oak Avenue", "Lakeshore Drive", "Commerce Boulevard"),
    ),
    Culture(
        "Poland",
        "+48 22 ### ## ##",
        "+48 601 ### ###",
        ("Małgorzata", "Zbigniew", "Agnieszka", "Łukasz", "Żaneta", "Paweł", "Bożena", "Krzysztof"),
        ("Wójcik", "Kowalczyk", "Zieliński", "Dąbrowska", "Szymański", "Woźniak", "Król", "Jabłońska"),
        (("Warszawa", "00-001"), ("Kraków", "31-005"), ("Łódź", "90-001"), ("Gdańsk", "80-831")),
        ("ulica Długa", "aleja Niepodległości", "ulica Mickiewicza", "plac Wolności"),
    ),
    Culture(
        "Israel",
        "+972 3 ### ####",
        "+972 50 ### ####",
        ("Noa", "Eitan", "Tamar", "Yosef", "Leila", "Omar", "Shira", "Amir"),
        ("Cohen", "Mizrahi", "Haddad", "Friedman", "Ben-David", "Khoury", "Azoulay", "Shapiro"),
        (("Tel Aviv", "6100000"), ("Haifa", "3100000"), ("Jerusalem", "9100000"), ("Nazareth", "1600000")),
        ("Rothschild Boulevard", "HaNassi Street", "Ben Yehuda Street", "Allenby Street"),
    ),
    Culture(
        "Japan",
        "+81 3 #### ####",
        "+81 90 #### ####",
        ("Haruka", "Kenji", "Yui", "Daisuke", "Ayumi", "Takeshi", "Mio", "Ryota"),
        ("Tanaka", "Watanabe", "Kobayashi", "Ishikawa", "Matsumoto", "Ōno", "Saitō", "Fujimoto"),
        (("Tokyo", "100-0001"), ("Osaka", "530-0001"), ("Kyoto", "600-8001"), ("Sapporo", "060-0001")),
        ("Marunouchi", "Umeda", "Karasuma-dori", "Odori Nishi"),
    ),
)
COMPANIES: tuple[str, ...] = (
    "Northwind Freight",
    "Adatum Energie GmbH",
    "Fabrikam Optics",
    "Tailspin Aviation",
    "Proseware Systems",
    "Litware Publishing",
    "Wingtip Robotics",
    "Alpine Ski House",
    "Coho Vineyard & Winery",
    "Trey Research",
    "Lucerne Fromagerie",
    "Graphic Design Institute",
    "Fourth Coffee Roasters",
    "Margie's Travel",
    "School of Fine Art",
    "Southridge Video",
    "Consolidated Messenger",
    "Blue Yonder Airlines",
    "Bellows College",
    "Munson's Pickles",
    "Wide World Importers",
    "Relecloud Hosting",
    "VanArsdel Kliniken AG",
    "Woodgrove Bank",
    "Humongous Insurance",
    "Best for You Organics",
    "Liberty Delightful Bakery",
    "Nod Publishers",
    "Boulder Innovations",
    "Datum Łódź Sp. z o.o.",
)
JOB_TITLES: tuple[str, ...] = (
    "Head of Purchasing",
    "Managing Director",
    "Account Manager",
    "Project Lead",
    "Chief Financial Officer",
    "Warehouse Supervisor",
    "Sales Representative",
    "Office Manager",
    "IT Coordinator",
    "Quality Engineer",
    "Legal Counsel",
    "Marketing Specialist",
)
DEPARTMENTS: tuple[str, ...] = ("Purchasing", "Finance", "Operations", "Sales", "Legal", "Research", "IT")
